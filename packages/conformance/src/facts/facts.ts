import type { Capabilities } from "extruntime";
import type { PromiseName } from "../setup/promises.ts";
import type { LanguageTraits } from "../setup/setup.ts";

/** What the child process found out about the engine and its guests before any test. JSON. */
export interface Facts {
  /** Name of the runtime. */
  readonly name: string;
  readonly aliases: readonly string[];
  readonly placement: string;
  readonly capabilities: Capabilities;
  readonly unavailable: string | undefined;
  /** One for each language that the engine accepts. */
  readonly subjects: readonly Subject[];
}

/** One language of the engine. */
export interface Subject {
  readonly language: string;
  readonly traits: LanguageTraits;
  readonly runtime: string;
  readonly aliases: readonly string[];
  /** Where the setup has the engine placed. */
  readonly placement: string;
  readonly capabilities: Capabilities;
  /** Names of the guests that there are: the caller's, and the kit's own. */
  readonly guests: readonly string[];
  /** Names of folders for the `validate` table. */
  readonly validate: readonly string[];
  /** Names of the escapes for the language. */
  readonly escapes: readonly string[];
  /** Of the setup. */
  readonly repeats: number;
  /** Of the setup. */
  readonly whole: readonly PromiseName[];
}

/** How often something is done that is only repeated to be sure. */
export function times(count: number, { repeats }: Subject): number {
  return Math.ceil(count * repeats);
}

/** Whether each module has processes of its own, so that a load starts one, and more modules than processes take turns at them. */
export function hasOwnProcesses({ placement, capabilities }: Subject): boolean {
  return placement === "process" && !capabilities.hardSandbox;
}
