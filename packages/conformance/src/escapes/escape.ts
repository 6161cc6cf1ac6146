import type { Canary } from "../host/canary.ts";
import type { KitGuest } from "../sources/kit-guest.ts";

/**
 * An attempt to get out of the sandbox. The guest's first export is called with the canary as its payload (a wasm guest gets it as JSON text). It may be
 * refused at its load, throw, or answer what it likes; but nothing of the canary may be touched or come out, and afterwards the runtime and other
 * modules must work. A guest that finds that it can reach the host answers `{ "escaped": how }`.
 */
export interface Escape {
  /** What it tries, as the test's name says it. */
  readonly name: string;
  /** Only for this language; left out in the setup's own module, it is for every language of the engine. */
  readonly language?: string | undefined;
  /** The guest that tries it. */
  readonly guest: (canary: Canary) => KitGuest;
  /**
   * Host functions that its manifest asks for. The kit offers `kit.echo`, which answers with its value; `kit.later`, which does so later; `kit.fail`, which throws an
   * error that carries the secret beside its message; and `kit.secret`, which answers with the secret and must not be asked for. Attempted
   * only where `capabilities.hostFunctions` is true.
   */
  readonly permissions?: readonly string[] | undefined;
  /** In the place of the canary as JSON: a payload that aims at something by itself. */
  readonly payload?: string | undefined;
}
