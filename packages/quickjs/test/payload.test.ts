import { payloadTests } from "../../../fixtures/javascript/payload.ts";
import { guests } from "./guest.ts";

payloadTests(guests);
