import { guestsOf } from "../../../fixtures/javascript/guest.ts";
import { type QuickJSOptions, quickjs } from "../src/index.ts";

export const guests = guestsOf<QuickJSOptions>("quickjs", quickjs);
export const { load, answer } = guests;
