import { discoverRuntimes } from "extruntime";
import { isBuilt, validateVariants } from "extruntime-fixtures";
import { BENCHMARKS } from "../paths.ts";
import type { Language, Missing, Placement } from "../result.ts";
import { enginePackages } from "./engines.ts";
import { findPythons, type Python } from "./pythons.ts";
import type { SubjectSpec } from "./subject.ts";

/** What could be measured here. Whether it can is found out by asking each for one answer. */
export interface Catalogue {
  readonly candidates: SubjectSpec[];
  readonly missing: Missing[];
  readonly versions: Record<string, string>;
  readonly pythons: Python[];
}

const PLACEMENTS: readonly Placement[] = ["inline", "thread", "process"];

/** The fixture that stands for an engine where it has several. */
const PRIMARY: Readonly<Record<string, string>> = { wasm: "wasm-c" };

/** Ways to set an engine up that a reader will want to compare, besides the usual one. */
const SETTINGS: Readonly<Record<string, readonly Setting[]>> = {
  quickjs: [{ id: "quickjs-shared-memory", title: "quickjs, one memory for all", options: { memory: "shared" } }],
  pyvm: [
    {
      id: "pyvm-shared",
      title: "pyvm, shared interpreter",
      manifest: { python: { interpreter: "shared" } },
      // In a thread it would be one more way to the same interpreter.
      placements: ["inline", "process"],
    },
  ],
};

interface Setting {
  readonly id: string;
  readonly title: string;
  readonly options?: Record<string, unknown>;
  readonly manifest?: Record<string, unknown>;
  readonly placements?: readonly Placement[];
}

/** Asks the registry. To be run in a process of its own, since it imports every engine. */
export async function findEngines(): Promise<Catalogue> {
  const pythons = findPythons();
  if (pythons[0] !== undefined) process.env.PYVM_PYTHON = pythons[0].executable;
  const packages = await enginePackages();
  const missing: Missing[] = [];
  for (const { name, module } of packages)
    await import(module).catch((error: Error) => missing.push({ id: name, title: name, reason: error.message }));
  const { runtimes, unavailable } = await discoverRuntimes({ from: BENCHMARKS });
  for (const { name, reason, remedy } of unavailable)
    missing.push({ id: name, title: name, reason: [reason, remedy].filter(Boolean).join(". ") });
  const candidates: SubjectSpec[] = [];
  for (const { name, unavailable: absent, capabilities } of runtimes) {
    if (absent !== undefined) continue;
    const module = packages.find((found) => found.name === `@extruntime/${name}`)?.module ?? "extruntime";
    const language = languageOf(capabilities.languages);
    candidates.push(...subjectsOf(name, module, language));
    if (!candidates.some(({ engine }) => engine === name))
      missing.push({
        id: name,
        title: name,
        reason: `fixtures/validate-email has no extension for the runtime ${name}`,
      });
  }
  candidates.push(...otherPythons(candidates, pythons.slice(1)));
  return {
    candidates,
    missing,
    pythons,
    versions: Object.fromEntries(pythons.map(({ tag, version }) => [`CPython ${tag}`, version])),
  };
}

function subjectsOf(engine: string, module: string, language: Language): SubjectSpec[] {
  const variants = validateVariants.filter(({ runtime, name }) => runtime === engine && isBuilt(name));
  const folders = variants.map(({ name }) => name.slice("validate-email/".length));
  const first = folders.find((folder) => folder === (PRIMARY[engine] ?? engine)) ?? folders[0];
  if (first === undefined) return [];
  const make = (id: string, title: string, placement: Placement, primary: boolean, more: object): SubjectSpec => ({
    id: placement === "inline" ? id : `${id}@${placement}`,
    title: placement === "inline" ? title : `${title}, ${placement}`,
    kind: "engine",
    engine,
    language,
    placement,
    primary,
    source: { from: "engine", module, placement, fixture: `validate-email/${first}`, ...more },
  });
  return [
    ...PLACEMENTS.map((placement) => make(engine, engine, placement, true, {})),
    ...folders
      .filter((folder) => folder !== first)
      .map((folder) => make(folder, folder, "inline", false, { fixture: `validate-email/${folder}` })),
    ...(SETTINGS[engine] ?? []).flatMap(({ id, title, options, manifest, placements = ["inline"] }) =>
      placements.map((placement) =>
        make(id, title, placement, engine === "pyvm", { ...(options && { options }), ...(manifest && { manifest }) }),
      ),
    ),
  ];
}

/** Every further CPython in each of the engine's modes: one process has one CPython, so that each is a subject. */
function otherPythons(candidates: readonly SubjectSpec[], pythons: readonly Python[]): SubjectSpec[] {
  const inline = candidates.filter(({ engine, placement }) => engine === "pyvm" && placement === "inline");
  return pythons.flatMap(({ tag, executable }) =>
    inline.map((spec) => ({
      ...spec,
      id: `${spec.id}-${tag}`,
      title: `${spec.title} (CPython ${tag})`,
      primary: false,
      env: { PYVM_PYTHON: executable },
    })),
  );
}

function languageOf(languages: readonly string[]): Language {
  if (languages.includes("python")) return "python";
  return languages.includes("javascript") ? "javascript" : "wasm";
}
