import { distance } from "fastest-levenshtein";
import { checkLimits } from "../contract/bounds.ts";
import type { Capabilities } from "../contract/runtime.ts";
import type { Placement } from "../manifest/manifest.ts";
import type { Policy, PolicyTerms } from "./policy.ts";
import { checkPlacementPolicy } from "./policy-placement.ts";

/** Terms for some extensions. */
export interface PolicyRule extends PolicyTerms {
  /** The extensions that it is for. */
  when: PolicyCondition;
}

/** One value, or several of which any will do. */
type OneOf<Value> = Value | readonly Value[];

/**
 * Which extensions a rule is for: those for which all of it holds. A capability is compared as it is, `deadline: false` say, or
 * `deadline: ["interpreted", "hard"]`; `languages` holds where the engine takes one of them.
 */
export type PolicyCondition = {
  readonly [Name in keyof Capabilities]?:
    | OneOf<Capabilities[Name] extends readonly (infer Item)[] ? Item : Capabilities[Name]>
    | undefined;
} & {
  /** The runtime's own name, or one of several. */
  readonly runtime?: OneOf<string> | undefined;
  /** A language that the engine takes, or one of several: `"javascript"`. */
  readonly language?: OneOf<string> | undefined;
  /** Where it would run without this rule. */
  readonly placement?: OneOf<Placement> | undefined;
};

/** Whether a rule is for an extension of this runtime, at the placement decided so far. */
export function ruleApplies(
  when: PolicyCondition,
  runtime: string,
  capabilities: Capabilities,
  placement: Placement,
): boolean {
  const facts: Record<string, unknown> = { ...capabilities, runtime, placement, language: capabilities.languages };
  return Object.entries(when).every(([name, wanted]) => {
    if (wanted === undefined) return true;
    const any: readonly unknown[] = Array.isArray(wanted) ? wanted : [wanted];
    const fact = facts[name];
    return Array.isArray(fact) ? any.some((each) => fact.includes(each)) : any.includes(fact);
  });
}

const CAPABILITIES: Readonly<Record<keyof Capabilities, true>> = {
  languages: true,
  hardSandbox: true,
  nativeAddon: true,
  deadline: true,
  signal: true,
  crashIsolation: true,
  memoryLimit: true,
  parallel: true,
  sync: true,
  hostFunctions: true,
  freshCalls: true,
};
const TERMS = ["require", "placement", "limits"];
const CONDITIONS = [...Object.keys(CAPABILITIES), "runtime", "language", "placement"];

/** Capabilities of the first edition of the contract. */
const FORMER: Readonly<Record<string, string>> = {
  supportsAbort: "deadline and signal",
  acceptsLanguages: "languages",
};

/** @throws TypeError for a policy with a name that nothing has, limits that are none, or a placement that contradicts itself. */
export function checkPolicy(policy: Policy | undefined): void {
  if (policy === undefined) return;
  checkNames(policy, [...TERMS, "runtimes", "rules", "allow"], "policy");
  checkTerms(policy, "policy");
  for (const [index, rule] of (policy.rules ?? []).entries()) {
    const where = `policy.rules[${index}]`;
    checkNames(rule, [...TERMS, "when"], where);
    if (typeof rule.when !== "object" || rule.when === null)
      throw new TypeError(`${where}.when must be an object that says which extensions the rule is for`);
    checkNames(rule.when, CONDITIONS, `${where}.when`);
    checkTerms(rule, where);
  }
}

function checkTerms({ require, placement, limits }: PolicyTerms, where: string): void {
  checkLimits(limits);
  if (require !== undefined) checkNames(require, Object.keys(CAPABILITIES), `${where}.require`);
  if (placement !== undefined) checkPlacementPolicy(placement, `${where}.placement`);
}

/** A name that is not known would be a rule that never applies, or one that nobody meets. */
function checkNames(given: object, known: readonly string[], where: string): void {
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const near = known.find((each) => distance(each.toLowerCase(), name.toLowerCase()) <= 2);
    const now = Object.hasOwn(FORMER, name) ? FORMER[name] : near;
    throw new TypeError(
      `${where}.${name} is not known; ${now === undefined ? `known are ${known.join(", ")}` : `did you mean ${now}?`}`,
    );
  }
}
