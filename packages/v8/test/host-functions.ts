import type { HostFunctions } from "extruntime";
import { load } from "./guest.ts";

/** Settles after everything that is under way in this turn of the event loop. */
export const soon = <Value>(value: Value) => new Promise<Value>((resolve) => setImmediate(resolve, value));
export const never = () => new Promise(() => {});
export const offered: HostFunctions = {
  echo: (value: unknown) => value,
  later: (value: unknown) => soon(value),
  never,
  fail: () => {
    throw new RangeError("not\nso");
  },
};

/** Loads a guest that may call all that is offered. */
export function guest(source: string, hostFunctions: HostFunctions = offered, limits: Record<string, number> = {}) {
  return load(source, { hostFunctions, manifest: { permissions: Object.keys(hostFunctions), limits } });
}

export async function ask(source: string, payload = "null", hostFunctions?: HostFunctions): Promise<unknown> {
  await using module = await guest(source, hostFunctions);
  return JSON.parse(await module.invoke("f", payload));
}
