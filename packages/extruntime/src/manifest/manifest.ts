import { distance } from "fastest-levenshtein";
import * as v from "valibot";
import type { Bounds } from "../contract/bounds.ts";
import type { JsonSchema } from "../contract/exported-function.ts";
import { ExtensionError } from "../errors.ts";
import {
  exportedFunction,
  type ManifestInput,
  manifestDefinition,
  nameOf,
  type PLACEMENTS,
  RENAMED_LIMITS,
} from "./definition.ts";
import { duplicateName } from "./duplicate-name.ts";
import { knownSectionOf, SECTION_ENTRIES, SECTION_SCHEMAS } from "./known-engines.ts";
import { knownSection, type ManifestSection, onNewSection, sectionDefinition, sectionNameOf } from "./section.ts";
import { deepFreeze, shapeProblem } from "./shape.ts";

export type { ManifestInput };

/**
 * Bounds of a module and its calls, and {@link Bounds} of what they hand over. What is left out is the host's or the engine's default.
 */
export interface Limits extends Partial<{ readonly [Name in keyof Bounds]: number | undefined }> {
  /** Milliseconds that a call may take, waiting in the queue included. */
  readonly timeoutMs?: number | undefined;
  /** Milliseconds that the top level of the extension may take, in each instance that is made. 30,000 by default where the engine can stop it. */
  readonly loadTimeoutMs?: number | undefined;
  /** Mebibytes (2^20 bytes) that one instance may use. */
  readonly memoryMb?: number | undefined;
  /** Instances that a module may have at a time. */
  readonly maxInstances?: number | undefined;
  /** Calls that may wait for an instance. */
  readonly maxQueue?: number | undefined;
  /** `"call"`: every call starts from the state after the top level. Where it is left out, what a call leaves behind lasts as long as its instance. */
  readonly fresh?: "call" | undefined;
}

/** Where instances live: on the calling thread, in worker threads, or in child processes. */
export type Placement = (typeof PLACEMENTS)[number];

/** A function as a manifest tells of it. */
export interface ManifestFunction {
  readonly name: string;
  readonly description: string | undefined;
  /** What it takes: a schema, or the relative path of a file that has one. */
  readonly input: JsonSchema | string | undefined;
  /** What it answers, in the same form. */
  readonly output: JsonSchema | string | undefined;
}

/** A validated `extension.json` with its defaults filled in. Frozen. */
export interface Manifest {
  /** Letters, digits, `-` and `_`; 128 characters at the most. */
  readonly name: string;
  /** SemVer; `0.0.0` where none is given. */
  readonly version: string;
  /** For people. */
  readonly description: string | undefined;
  /** As written, so it may be an alias. */
  readonly runtime: string;
  /** Relative path with forward slashes, or `undefined` for registered native functions. */
  readonly module: string | undefined;
  /** Names of the functions that a host may call. */
  readonly exports: readonly string[];
  /** The same, with what the manifest tells of each. A schema that is a file of the extension is its path here; `Module.describe()` has it read. */
  readonly functions: readonly ManifestFunction[];
  /** Host functions that it wants to call. */
  readonly permissions: readonly string[];
  /** The limits that it asks for; what applies is `Module.limits`. */
  readonly limits: Limits;
  /** The placement that it asks for. */
  readonly placement: Placement | undefined;
  /** Values for its guests, before the host has overridden any; `undefined` where it has no `config`. */
  readonly config: Readonly<Record<string, unknown>> | undefined;
  /** Whatever a host may want to know of it; nothing in this package reads it. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** The object that the manifest has for its engine (see `manifestSection`), or an empty one. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/**
 * Validates a manifest, given as JSON text or as a value.
 *
 * @param location what messages call it: the file's path, or `memory:…`.
 * @throws ExtensionError `ERR_EXT_BAD_MANIFEST` that lists everything that is wrong, with a suggestion for each unknown key.
 */
export function parseManifest(input: unknown, location: string): Manifest {
  if (typeof input !== "string") return validated(input, location);
  const known = validTexts.get(input);
  if (known !== undefined) return known;
  const manifest = validated(parseText(input, location), location);
  if (input.length > MOST_KEPT_LENGTH) return manifest;
  if (validTexts.size >= MOST_KEPT) validTexts.clear();
  validTexts.set(input, manifest);
  return manifest;
}

/** Manifests by their text, so that loading an extension again validates nothing: with little of the validator compiled that takes 0.2 ms. */
const validTexts = new Map<string, Manifest>();
const MOST_KEPT = 256;
const MOST_KEPT_LENGTH = 4096;
// What is known of sections decides what is valid.
onNewSection(() => validTexts.clear());

/** Of a manifest: characters of its text, faults that a message tells, and faults that are told with their places. */
const MOST_LENGTH = 1 << 20;
const MOST_TOLD = 20;
const MOST_PLACED = 1000;

/** One thing that is wrong with a manifest. */
export interface ManifestFault {
  /** Keys and indices that lead to it from the top; empty where it is the manifest as a whole. A missing key is named too. */
  readonly path: readonly (string | number)[];
  /** A key that nothing has, a key that must be there, or a value that is not as it must be. */
  readonly kind: "unknown-key" | "missing" | "value";
  /** What is wrong, in the words that `parseManifest` has for it. */
  readonly message: string;
}

/**
 * Everything that is wrong with a manifest, each fault with its place, for an editor or a command line; empty where `parseManifest` takes it. Past a
 * thousand the last one says how many more there are.
 *
 * @param value what JSON text was parsed to: text that is no JSON, and a name that is there twice, are the parser's to tell.
 */
export function manifestFaults(value: unknown): ManifestFault[] {
  const problem = shapeProblem(value);
  if (problem !== undefined) return [{ path: [], kind: "value", message: `the manifest ${problem}` }];
  const { issues } = checked(value);
  const faults = issues
    .slice(0, MOST_PLACED)
    .map((issue): ManifestFault => ({ path: pathOf(issue), kind: kindOf(issue), message: describe(issue, undefined) }));
  if (issues.length > MOST_PLACED)
    faults.push({ path: [], kind: "value", message: `and ${issues.length - MOST_PLACED} more faults` });
  const module = (value as { module?: unknown } | null)?.module;
  const ofPath = typeof module === "string" && module !== "" ? pathProblem(module) : undefined;
  if (ofPath !== undefined) faults.push({ path: ["module"], kind: "value", message: `"module" ${ofPath}` });
  return faults;
}

function pathOf(issue: v.BaseIssue<unknown>): (string | number)[] {
  return (issue.path ?? []).map(({ key }) => (typeof key === "number" ? key : String(key)));
}

function kindOf(issue: v.BaseIssue<unknown>): ManifestFault["kind"] {
  if (issue.type === "strict_object" && issue.expected === "never") return "unknown-key";
  return issue.input === undefined && issue.path !== undefined ? "missing" : "value";
}

function checked(raw: unknown) {
  const sectionKey = sectionKeyOf(raw);
  const [common, sections] = splitSections(raw, sectionKey);
  const result = v.safeParse(manifestDefinition, common);
  return { sectionKey, sections, result, issues: [...(result.issues ?? []), ...sectionIssues(raw)] };
}

function validated(raw: unknown, location: string): Manifest {
  const problem = shapeProblem(raw);
  if (problem !== undefined) throw badManifest(location, problem);
  const { sectionKey, sections, result, issues } = checked(raw);
  if (!result.success || issues.length > 0) throw badManifest(location, faults(issues));
  const { $schema: _, ...output } = result.output;
  const manifest = withoutSections(output);
  const settings = sectionKey === undefined ? undefined : (sections[sectionKey] ?? ownSection(output, sectionKey));
  return deepFreeze({
    ...manifest,
    description: manifest.description,
    config: manifest.config,
    placement: manifest.placement,
    module: manifest.module === undefined ? undefined : insidePath(manifest.module, location, '"module"'),
    exports: manifest.exports.map(nameOf),
    functions: manifest.exports.map((each, index) => functionOf(each, `exports.${index}`, location)),
    settings: { ...settings },
  });
}

function functionOf(
  exported: v.InferOutput<typeof manifestDefinition.entries.exports>[number],
  place: string,
  location: string,
): ManifestFunction {
  if (typeof exported === "string")
    return { name: exported, description: undefined, input: undefined, output: undefined };
  const { name, description, input, output } = exported;
  const schema = (value: JsonSchema | string | undefined, key: string) =>
    typeof value === "string" ? insidePath(value, location, `"${place}.${key}"`) : value;
  return { name, description, input: schema(input, "input"), output: schema(output, "output") };
}

function ownSection(output: object, name: string): object | undefined {
  return Object.hasOwn(SECTION_ENTRIES, name) ? (output as Record<string, object | undefined>)[name] : undefined;
}

function withoutSections<Output extends object>(output: Output): Omit<Output, keyof typeof SECTION_ENTRIES> {
  const own = Object.entries(output).filter(([key]) => !Object.hasOwn(SECTION_ENTRIES, key));
  return Object.fromEntries(own) as Omit<Output, keyof typeof SECTION_ENTRIES>;
}

/**
 * Checks that a path of a manifest is relative and stays inside its folder, as text; `extension.ts` then follows links.
 *
 * @returns it in its shortest form, with forward slashes.
 */
export function insidePath(path: string, location: string, what: string): string {
  const problem = pathProblem(path);
  if (problem !== undefined) throw badManifest(location, `${what} ${problem}`);
  return partsOf(path).join("/");
}

function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

function pathProblem(path: string): string | undefined {
  if (path.includes("\0")) return "must not contain a NUL character";
  if (path.includes("\\")) return `must use forward slashes; it is ${JSON.stringify(path)}`;
  if (path.startsWith("/") || /^[A-Za-z]:/.test(path))
    return `must be a relative path; ${JSON.stringify(path)} is absolute`;
  const parts = partsOf(path);
  if (parts.includes("..")) return `must stay inside the folder; ${JSON.stringify(path)} has ".."`;
  return parts.length === 0 ? `must name a file; it is ${JSON.stringify(path)}` : undefined;
}

/** An `ERR_EXT_BAD_MANIFEST` about the manifest at `location`. */
export function badManifest(location: string, problem: string, cause?: unknown): ExtensionError {
  return new ExtensionError("ERR_EXT_BAD_MANIFEST", `${location}: ${problem}`, { cause });
}

function parseText(withMark: string, location: string): unknown {
  if (withMark.length > MOST_LENGTH)
    throw badManifest(location, `is larger than 1 MiB: it has ${withMark.length} characters`);
  const text = withMark.charCodeAt(0) === 0xfeff ? withMark.slice(1) : withMark;
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    throw badManifest(location, `is not JSON: ${(error as Error).message}`, error);
  }
  const twice = duplicateName(text);
  if (twice !== undefined) throw badManifest(location, `${shorten(twice)} is there twice in one object`);
  return raw;
}

function sectionKeyOf(raw: unknown): string | undefined {
  if (typeof raw !== "object" || raw === null) return undefined;
  const runtime = (raw as { runtime?: unknown }).runtime;
  if (typeof runtime !== "string") return undefined;
  return sectionNameOf(runtime) ?? knownSectionOf(runtime) ?? runtime;
}

/**
 * What is common to all manifests, and the sections that this package has no name for: those of engines that are there, and the one of the
 * manifest's own runtime, whose content is checked when that loads it.
 */
function splitSections(raw: unknown, own: string | undefined): [unknown, Record<string, object>] {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) return [raw, {}];
  const common: Record<string, unknown> = { ...raw };
  const sections: Record<string, object> = {};
  for (const [key, value] of Object.entries(raw)) {
    if (Object.hasOwn(manifestDefinition.entries, key)) continue;
    // What is no object is left in, to be refused as an unknown key.
    if ((key !== own && knownSection(key) === undefined) || !isPlain(value)) continue;
    delete common[key];
    sections[key] = value;
  }
  return [common, sections];
}

function isPlain(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What is wrong with sections of engines that are there. */
function sectionIssues(raw: unknown): v.BaseIssue<unknown>[] {
  if (!isPlain(raw)) return [];
  return Object.entries(raw).flatMap(([name, value]) => {
    const schema = knownSection(name);
    if (schema === undefined || !isPlain(value) || Object.hasOwn(SECTION_SCHEMAS, name)) return [];
    return issuesOf({ name, schema }, value);
  });
}

function issuesOf({ name, schema }: ManifestSection, settings: unknown): readonly v.BaseIssue<unknown>[] {
  return v.safeParse(v.object({ [name]: sectionDefinition(schema) }), { [name]: settings }).issues ?? [];
}

/**
 * For the runtime that loads an extension: checks its section by the engine's own schema, since the manifest may have been read before the engine
 * was there.
 *
 * @throws ExtensionError `ERR_EXT_BAD_MANIFEST`
 */
export function checkSettings({ settings }: Manifest, section: ManifestSection, location: string): void {
  if (Object.keys(settings).length === 0) return;
  const issues = issuesOf(section, settings);
  if (issues.length > 0) throw badManifest(location, faults(issues, section));
}

function faults(issues: readonly v.BaseIssue<unknown>[], section?: ManifestSection): string {
  const told = issues.slice(0, MOST_TOLD).map((issue) => describe(issue, section));
  if (issues.length > MOST_TOLD) told.push(`and ${issues.length - MOST_TOLD} more faults`);
  return told.join("; ");
}

function describe(issue: v.BaseIssue<unknown>, section: ManifestSection | undefined): string {
  const path = v.getDotPath(issue);
  if (kindOf(issue) === "unknown-key") {
    const key = issue.path?.at(-1)?.key;
    return `unknown key ${shorten(path ?? key)}${suggestion(String(key).slice(0, 128), keysAt(issue, section), issue)}`;
  }
  if (issue.input === undefined && path !== null) return `${JSON.stringify(path)} is missing`;
  if (path !== null && path.length > 128) return `${shorten(path)} ${issue.message}`;
  if (path === null) return `the manifest ${issue.message}`;
  return `${JSON.stringify(path)} ${issue.message}, and is ${shorten(issue.input)}`;
}

/** The nearest known key at the place of an unknown one, when it is near enough to be a slip. */
function suggestion(key: string, known: readonly string[], issue: v.BaseIssue<unknown>): string {
  if (known.length === 0) return `; there is nothing to be set in ${JSON.stringify(issue.path?.at(-2)?.key)}`;
  const renamed = issue.path?.at(-2)?.key === "limits" ? RENAMED_LIMITS[key] : undefined;
  if (renamed !== undefined)
    return `; did you mean ${JSON.stringify(renamed)}? It has this name since contract version 2`;
  const near = known
    .map((candidate) => ({ candidate, edits: distance(key.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits)[0];
  if (near !== undefined && near.edits <= Math.max(2, Math.floor(key.length / 3)))
    return `; did you mean ${JSON.stringify(near.candidate)}?`;
  return `; known are ${known.join(", ")}`;
}

function keysAt(issue: v.BaseIssue<unknown>, section: ManifestSection | undefined): string[] {
  const parent = issue.path?.at(-2)?.key;
  if (typeof parent === "number") return Object.keys(exportedFunction.entries);
  if (typeof parent !== "string") return Object.keys(manifestDefinition.entries);
  if (parent === "limits") return Object.keys(manifestDefinition.entries.limits.wrapped.entries);
  const schema = section?.schema ?? SECTION_SCHEMAS[parent] ?? knownSection(parent);
  return Object.keys(schema ?? {});
}

function shorten(value: unknown): string {
  // JSON has no infinity, which 1e400 is read as.
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
