import type { Bounds } from "extruntime/engine";
import { dispatcher } from "./dispatcher.ts";
import { REQUEST } from "./guest-requests.ts";
import { HOST_OBJECT } from "./host-object.ts";

/** A function of ours, evaluated in the guest's context before any guest code, that takes one which calls the host. */
export interface StartUpCode {
  readonly source: string;
  /** What the function that it is given asks of the host. */
  readonly request: (typeof REQUEST)[keyof typeof REQUEST];
}

/** What a guest's start-up depends on: guests with the same have one start-up in common, whose state is kept. */
export interface StartUp {
  /** Whether the guest gets the global `host`. */
  readonly hosted: boolean;
  readonly bounds: Bounds;
}

/**
 * All that is in a context before the guest's own code, in its order. The first returns the dispatcher's entries.
 *
 * It is run once, and what it leaves is the state that every guest begins from: more of it costs a guest nothing but the bytes that it
 * changes. So this is the place for whatever else a guest is to find.
 */
export function startUpCode({ hosted, bounds }: StartUp): readonly StartUpCode[] {
  const code: StartUpCode[] = [{ source: dispatcher(bounds), request: REQUEST.log }];
  if (hosted) code.push({ source: HOST_OBJECT, request: REQUEST.ask });
  return code;
}

/** The same for guests whose start-up is the same. */
export function startUpKey({ hosted, bounds }: StartUp): string {
  const { errorChars, lineChars, logChars } = bounds;
  return JSON.stringify([hosted, errorChars, lineChars, logChars]);
}
