import type { Capabilities } from "../contract/runtime.ts";
import type { Placement } from "../manifest/manifest.ts";
import type { PolicyTerms } from "./policy.ts";

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
