import type { Limits } from "../manifest/manifest.ts";
import type { Bounds } from "./bounds.ts";
import type { Capabilities } from "./runtime.ts";

/** The limits of a module as they apply: of the host, the manifest and the runtime merged, defaults filled in. Frozen. */
export interface AppliedLimits extends Bounds {
  /** Milliseconds of a call that names none itself, waiting included; `undefined` for as long as it likes. */
  readonly timeoutMs: number | undefined;
  /** Milliseconds of the extension's top level; `undefined` where nothing could stop it. */
  readonly loadTimeoutMs: number | undefined;
  /** Mebibytes (2^20 bytes) that one instance may use; `undefined` for what the engine gives by itself. */
  readonly memoryMb: number | undefined;
  /** Instances at a time. */
  readonly maxInstances: number;
  /** Calls that may wait for an instance. */
  readonly maxQueue: number;
  /** `"call"` where every call starts from the state after the top level. */
  readonly fresh: "call" | undefined;
}

/** Who set a limit: who can change it, too. */
export type LimitSource = "manifest" | "policy" | "load" | "runtime" | "default";

/** Who set each limit. */
export type LimitSources = Readonly<Partial<Record<keyof Limits, LimitSource>>>;

const WHO: Readonly<Record<LimitSource, string>> = {
  manifest: "set by its manifest",
  policy: "set by the host's policy",
  load: "set by the host that loads it",
  runtime: "set by the options of its runtime",
  default: "the default",
};

/** For messages: a limit with its value and who set it, as in `limits.timeoutMs of 50, set by its manifest`. */
export function limitText(name: keyof Limits, value: number | string, source: LimitSource): string {
  return `limits.${name} of ${JSON.stringify(value)}, ${WHO[source]}`;
}

/** The capability that keeps a limit, where the core does not keep it by itself. */
const KEEPERS = {
  timeoutMs: "deadline",
  loadTimeoutMs: "deadline",
  memoryMb: "memoryLimit",
  fresh: "freshCalls",
} as const;

/** A capability that keeps a limit. */
export type Keeper = (typeof KEEPERS)[keyof typeof KEEPERS];

/** The first of some limits that nobody keeps where these capabilities hold. */
export function unkeptLimit(limits: Limits, capabilities: Capabilities): keyof typeof KEEPERS | undefined {
  const names = Object.keys(KEEPERS) as (keyof typeof KEEPERS)[];
  return names.find((name) => limits[name] !== undefined && !capabilities[KEEPERS[name]]);
}

/** The capability that would keep it. */
export function keeperOf(name: keyof typeof KEEPERS): Keeper {
  return KEEPERS[name];
}
