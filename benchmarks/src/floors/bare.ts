import { join } from "node:path";
import { fixture } from "extruntime-fixtures";
import { GUESTS } from "../paths.ts";
import type { Opened, OpenOptions } from "../subjects/subject.ts";
import { NoSuchGuest } from "../subjects/subject.ts";

type Functions = Record<string, (value: unknown) => unknown>;

/** What a service would do without any engine: the guest's function between `JSON.parse` and `JSON.stringify`. */
export async function bareJavaScript({ guest }: OpenOptions): Promise<Opened> {
  const functions = (await import(guestFile(guest))) as Functions;
  if (guest === "validate") {
    // As somebody would write it who has this one function.
    const { validate } = functions;
    const callSync = (_: string, payload: string) => JSON.stringify(validate!(JSON.parse(payload)));
    return { callSync, call: async (fn, payload) => callSync(fn, payload), close() {} };
  }
  const callSync = (fn: string, payload: string) => JSON.stringify(functions[fn]!(JSON.parse(payload)));
  return { callSync, call: async (fn, payload) => callSync(fn, payload), close() {} };
}

function guestFile(guest: OpenOptions["guest"]): string {
  if (guest === "validate") return join(fixture("validate-email/native"), "validate.mjs");
  if (guest === "compute") return join(GUESTS, "compute/native/compute.mjs");
  throw new NoSuchGuest("a bare loop cannot be stopped");
}
