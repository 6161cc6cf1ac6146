import { distance } from "fastest-levenshtein";
import { checkLimits } from "../contract/bounds.ts";
import type { Capabilities } from "../contract/runtime.ts";
import { PLACEMENTS } from "../manifest/definition.ts";
import type { Policy, PolicyTerms } from "./policy.ts";
import { checkPlacementPolicy } from "./policy-placement.ts";

const FLAG = [true, false];
const SUPPORT = [false, "interpreted", "hard"];
const TEXT = "text";

/** What each capability can be. */
const CAPABILITIES: Readonly<Record<keyof Capabilities, readonly unknown[] | typeof TEXT>> = {
  languages: TEXT,
  hardSandbox: FLAG,
  nativeAddon: FLAG,
  deadline: SUPPORT,
  signal: SUPPORT,
  crashIsolation: FLAG,
  memoryLimit: FLAG,
  parallel: FLAG,
  sync: FLAG,
  hostFunctions: FLAG,
  freshCalls: FLAG,
};
const CONDITIONS: Readonly<Record<string, readonly unknown[] | typeof TEXT>> = {
  ...CAPABILITIES,
  runtime: TEXT,
  language: TEXT,
  placement: PLACEMENTS,
};
const TERMS = ["require", "placement", "limits"];

/** Capabilities of the first edition of the contract. */
const FORMER: Readonly<Record<string, string>> = {
  supportsAbort: "deadline and signal",
  acceptsLanguages: "languages",
};

/**
 * @throws TypeError for a policy with a name that nothing has, a value that it cannot have, limits that are none, or a placement that contradicts itself:
 * a word that is mistyped must not be a rule that lets everything in.
 */
export function checkPolicy(policy: Policy | undefined): void {
  if (policy === undefined) return;
  checkObject(policy, "policy");
  checkNames(policy, [...TERMS, "runtimes", "rules", "allow"], "policy");
  checkTerms(policy, "policy");
  const { runtimes, rules, allow } = policy;
  if (runtimes !== undefined) checkTexts(runtimes, "policy.runtimes");
  if (allow !== undefined && typeof allow !== "function")
    throw new TypeError(`policy.allow must be a function, and is ${show(allow)}`);
  if (rules !== undefined && !Array.isArray(rules))
    throw new TypeError(`policy.rules must be an array of rules, and is ${show(rules)}`);
  for (const [index, rule] of (rules ?? []).entries()) {
    const where = `policy.rules[${index}]`;
    checkObject(rule, where);
    checkNames(rule, [...TERMS, "when"], where);
    if (typeof rule.when !== "object" || rule.when === null)
      throw new TypeError(`${where}.when must be an object that says which extensions the rule is for`);
    checkNames(rule.when, Object.keys(CONDITIONS), `${where}.when`);
    for (const [name, wanted] of Object.entries(rule.when))
      for (const each of Array.isArray(wanted) ? wanted : [wanted])
        if (each !== undefined) checkValue(each, CONDITIONS[name]!, `${where}.when.${name}`);
    checkTerms(rule, where);
  }
}

/** @throws TypeError for a name that is not known: it would be a rule that never applies, or one that nobody meets. */
export function checkNames(given: object, known: readonly string[], where: string): void {
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const near = known.find((each) => distance(each.toLowerCase(), name.toLowerCase()) <= 2);
    const now = Object.hasOwn(FORMER, name) ? FORMER[name] : near;
    throw new TypeError(
      `${where}.${name} is not known; ${now === undefined ? `known are ${known.join(", ")}` : `did you mean ${now}?`}`,
    );
  }
}

function checkTerms({ require, placement, limits }: PolicyTerms, where: string): void {
  checkLimits(limits);
  if (require !== undefined) {
    checkObject(require, `${where}.require`);
    checkNames(require, Object.keys(CAPABILITIES), `${where}.require`);
    for (const [name, wanted] of Object.entries(require)) {
      if (wanted === undefined) continue;
      if (name === "languages") checkTexts(wanted, `${where}.require.languages`);
      else checkValue(wanted, CAPABILITIES[name as keyof Capabilities], `${where}.require.${name}`);
    }
  }
  if (placement === undefined) return;
  checkObject(placement, `${where}.placement`);
  checkPlacementPolicy(placement, `${where}.placement`);
}

function checkObject(given: unknown, where: string): void {
  if (typeof given !== "object" || given === null)
    throw new TypeError(`${where} must be an object, and is ${show(given)}`);
}

function checkTexts(given: unknown, where: string): void {
  if (!Array.isArray(given) || given.some((each) => typeof each !== "string"))
    throw new TypeError(`${where} must be an array of strings, and is ${show(given)}`);
}

function checkValue(given: unknown, can: readonly unknown[] | typeof TEXT, where: string): void {
  if (can === TEXT ? typeof given === "string" : can.includes(given)) return;
  const wanted = can === TEXT ? "a string" : `one of ${can.map(show).join(", ")}`;
  throw new TypeError(`${where} must be ${wanted}, and is ${show(given)}`);
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
