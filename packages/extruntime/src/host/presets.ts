import { checkLimits } from "../contract/bounds.ts";
import type { Limits } from "../manifest/manifest.ts";
import type { Policy } from "./policy.ts";
import { checkNames } from "./policy-check.ts";

/** What {@link strangers} may be told otherwise. */
export interface StrangersOptions {
  /** `"process"` holds a guest that breaks its engine as well, and costs memory and time for a process. `"thread"` by default. */
  placement?: "thread" | "process" | undefined;
  /** In place of the defaults, each by itself. */
  limits?: Limits | undefined;
  /** Runtimes that may be used, of those that hold what this policy requires; by default all of them. */
  runtimes?: Policy["runtimes"];
  /** Terms for some engines, as in any policy. They can only be stricter in what they require; their limits go before these. */
  rules?: Policy["rules"];
  /** Has the last word, as in any policy. */
  allow?: Policy["allow"];
}

const PLACEMENTS_FOR_STRANGERS: readonly string[] = ["thread", "process"];

/** What an extension may use where nobody says otherwise: enough for a validator or a transform, and little for an attacker. */
const FOR_STRANGERS = {
  timeoutMs: 1000,
  memoryMb: 64,
  maxInstances: 2,
  maxQueue: 256,
  payloadBytes: 1 << 20,
  resultBytes: 1 << 20,
  logChars: 65_536,
} as const satisfies Limits;

/**
 * A policy for code that somebody wrote whom you do not know: it runs in an engine that gives it nothing of the host, off the event loop, where a deadline
 * stops whatever it does; its time, memory, calls, payloads, answers and output are bounded. An extension that asks for more than a limit is refused.
 *
 * An engine that cannot hold this in a thread runs in a process. One that cannot hold it anywhere is refused when an extension wants it: one without `hardSandbox`.
 *
 * @throws TypeError for limits that are none, `"inline"` as the placement, and options that it does not know.
 */
export function strangers(options: StrangersOptions = {}): Policy {
  checkNames(options, ["placement", "limits", "runtimes", "rules", "allow"], "strangers()");
  checkLimits(options.limits);
  if (options.placement !== undefined && !PLACEMENTS_FOR_STRANGERS.includes(options.placement))
    throw new TypeError(
      `strangers().placement must be "thread" or "process", and is ${JSON.stringify(options.placement)}: inline, a guest would hold the host's thread`,
    );
  const given = Object.entries(options.limits ?? {}).filter(([, value]) => value !== undefined);
  return {
    ...(options.runtimes === undefined ? {} : { runtimes: options.runtimes }),
    require: { hardSandbox: true, deadline: "hard", memoryLimit: true },
    placement: { atLeast: options.placement ?? "thread", remedy: "process" },
    limits: { ...FOR_STRANGERS, ...Object.fromEntries(given) },
    ...(options.rules === undefined ? {} : { rules: options.rules }),
    ...(options.allow === undefined ? {} : { allow: options.allow }),
  };
}

/** What {@link trusted} may be told besides. */
export type TrustedOptions = Pick<Policy, "runtimes" | "limits" | "placement" | "rules" | "allow">;

/**
 * A policy for code that you would run in your own process anyway: any engine, anywhere, with no limits but those given. Like having no policy,
 * and says that this is meant.
 */
export function trusted(options: TrustedOptions = {}): Policy {
  return { ...options };
}
