/** What a group of tests is about: the contract, which every engine keeps, or a capability. */
export type PromiseName =
  | "contract"
  | "languages"
  | "hardSandbox"
  | "nativeAddon"
  | "deadline"
  | "signal"
  | "crashIsolation"
  | "memoryLimit"
  | "parallel"
  | "sync"
  | "hostFunctions"
  | "freshCalls";

/** In the order in which reports show them. */
export const PROMISES: readonly PromiseName[] = [
  "contract",
  "languages",
  "hardSandbox",
  "deadline",
  "signal",
  "memoryLimit",
  "crashIsolation",
  "parallel",
  "sync",
  "hostFunctions",
  "freshCalls",
  "nativeAddon",
];
