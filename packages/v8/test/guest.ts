import { guestsOf } from "../../../fixtures/javascript/guest.ts";
import { type V8Options, v8 } from "../src/index.ts";

export const guests = guestsOf<V8Options>("v8", v8);
export const { load, answer } = guests;
