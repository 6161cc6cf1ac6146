import { basename, join } from "node:path";
import type { Runtime } from "extruntime";
import type { Escape } from "../escapes/escape.ts";
import { escapesOf } from "../escapes/index.ts";
import { traitsOf } from "../setup/languages.ts";
import type { Plan } from "../setup/setup.ts";
import { Guests } from "../sources/guests.ts";
import type { Facts, Subject } from "./facts.ts";

/** What the child process knows beside the facts that it tells the parent. */
export interface Known {
  readonly facts: Facts;
  /** By language. */
  readonly guests: ReadonlyMap<string, Guests>;
  readonly escapes: ReadonlyMap<string, readonly Escape[]>;
  readonly validate: readonly string[];
}

/** Makes a runtime to see what it declares, and looks through the guests. */
export async function findFacts(plan: Plan, create: () => Promise<Runtime>): Promise<Known> {
  const runtime = await create();
  const { name, aliases, capabilities, unavailable } = runtime;
  await runtime.close();
  const guests = new Map<string, Guests>();
  const escapes = new Map<string, readonly Escape[]>();
  const extra = plan.escapes === undefined ? [] : await importEscapes(plan.escapes);
  const validate = plan.validate ?? Object.values(plan.guests).map((folder) => join(folder, "validate"));
  const placement = typeof plan.options.placement === "string" ? plan.options.placement : "inline";
  const subjects: Subject[] = [];
  for (const language of languagesOf(capabilities.languages, name)) {
    const own = new Guests(folderOf(plan, language, capabilities.languages), language, name);
    guests.set(language, own);
    const ways = [...escapesOf(language), ...extra.filter((way) => (way.language ?? language) === language)];
    const able = capabilities.hostFunctions === true;
    escapes.set(
      language,
      ways.filter((way) => able || way.permissions === undefined),
    );
    subjects.push({
      language,
      traits: traitsOf(language, plan.languages[language]),
      runtime: name,
      aliases,
      placement,
      capabilities,
      guests: own.names(),
      validate: validate.map((path) => basename(path)),
      escapes: escapes.get(language)!.map((way) => way.name),
      repeats: plan.repeats,
      whole: plan.whole,
    });
  }
  return { facts: { name, aliases, placement, capabilities, unavailable, subjects }, guests, escapes, validate };
}

/** An engine that declares no language is tested too, and fails by that. */
function languagesOf(declared: unknown, name: string): string[] {
  const languages = Array.isArray(declared) ? declared.filter((each): each is string => typeof each === "string") : [];
  return languages.length > 0 ? languages : [name];
}

function folderOf(plan: Plan, language: string, all: readonly string[]): string | undefined {
  return plan.guests[language] ?? (all.length <= 1 ? plan.guests["*"] : undefined);
}

async function importEscapes(url: string): Promise<readonly Escape[]> {
  const { escapes } = (await import(url)) as { escapes?: unknown };
  if (!Array.isArray(escapes)) throw new TypeError(`${url} must export an array named "escapes"`);
  return escapes as Escape[];
}
