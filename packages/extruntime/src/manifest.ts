import { distance } from "fastest-levenshtein";
import * as v from "valibot";
import type { Bounds } from "./bounds.ts";
import { ExtensionError } from "./errors.ts";
import { type ManifestInput, manifestDefinition, type PLACEMENTS } from "./manifest-definition.ts";

export type { ManifestInput };

/**
 * Bounds of a module and its calls, and {@link Bounds} of what they hand over. What is left out is the host's or the engine's default.
 */
export interface Limits extends Partial<{ readonly [Name in keyof Bounds]: number | undefined }> {
  /** Milliseconds that a call may take, waiting in the queue included. */
  readonly timeoutMs?: number | undefined;
  /** Mebibytes (2^20 bytes) that one instance may use. */
  readonly memoryMb?: number | undefined;
  /** Instances that a module may have at a time. */
  readonly pool?: number | undefined;
  /** Calls that may wait for an instance. */
  readonly queue?: number | undefined;
}

export type Placement = (typeof PLACEMENTS)[number];

/** A validated `extension.json` with its defaults filled in. Frozen. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description: string | undefined;
  /** As written, so it may be an alias. */
  readonly runtime: string;
  /** Relative path with forward slashes, or `undefined` for registered native functions. */
  readonly module: string | undefined;
  readonly exports: readonly string[];
  readonly permissions: readonly string[];
  readonly limits: Limits;
  readonly placement: Placement | undefined;
  /** The object that the manifest has for its engine (`python`, `quickjs`, …), or an empty one. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** Runtimes whose section in the manifest has another name than they. */
const SECTION_OF: Readonly<Record<string, string>> = {
  goja: "quickjs",
  wazero: "wasm",
  v8go: "v8",
  pyvm: "python",
  pywasm: "python",
};

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

function validated(raw: unknown, location: string): Manifest {
  const sectionKey = sectionKeyOf(raw);
  const [known, foreignSection] = splitForeignSection(raw, sectionKey);
  const checked = v.safeParse(manifestDefinition, known);
  if (!checked.success) throw badManifest(location, checked.issues.map((issue) => describe(issue)).join("; "));
  const { $schema: _, native, quickjs, wasm, v8, python, ...manifest } = checked.output;
  const sections: Record<string, object | undefined> = { native, quickjs, wasm, v8, python };
  const settings = foreignSection ?? (sectionKey === undefined ? undefined : sections[sectionKey]);
  return deepFreeze({
    ...manifest,
    description: manifest.description,
    placement: manifest.placement,
    module: manifest.module === undefined ? undefined : insidePath(manifest.module, location, '"module"'),
    settings: { ...settings },
  });
}

/**
 * Checks that a path of a manifest is relative and stays inside its folder, as text; `extension.ts` then follows links.
 *
 * @returns it in its shortest form, with forward slashes.
 */
export function insidePath(path: string, location: string, what: string): string {
  if (path.includes("\0")) throw badManifest(location, `${what} must not contain a NUL character`);
  if (path.includes("\\"))
    throw badManifest(location, `${what} must use forward slashes; it is ${JSON.stringify(path)}`);
  if (path.startsWith("/") || /^[A-Za-z]:/.test(path))
    throw badManifest(location, `${what} must be a relative path; ${JSON.stringify(path)} is absolute`);
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes(".."))
    throw badManifest(location, `${what} must stay inside the folder; ${JSON.stringify(path)} has ".."`);
  if (parts.length === 0) throw badManifest(location, `${what} must name a file; it is ${JSON.stringify(path)}`);
  return parts.join("/");
}

export function badManifest(location: string, problem: string, cause?: unknown): ExtensionError {
  return new ExtensionError("ERR_EXT_BAD_MANIFEST", `${location}: ${problem}`, { cause });
}

function parseText(text: string, location: string): unknown {
  try {
    return JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  } catch (error) {
    throw badManifest(location, `is not JSON: ${(error as Error).message}`, error);
  }
}

function sectionKeyOf(raw: unknown): string | undefined {
  if (typeof raw !== "object" || raw === null) return undefined;
  const runtime = (raw as { runtime?: unknown }).runtime;
  return typeof runtime === "string" ? (SECTION_OF[runtime] ?? runtime) : undefined;
}

/** An engine that this package does not know may have a section under its own name; its content is the engine's to check. */
function splitForeignSection(raw: unknown, key: string | undefined): [unknown, object | undefined] {
  if (key === undefined || key in manifestDefinition.entries) return [raw, undefined];
  const { [key]: section, ...known } = raw as Record<string, unknown>;
  if (section === undefined) return [raw, undefined];
  // What is not an object is left in, to be refused as an unknown key.
  return typeof section === "object" && section !== null && !Array.isArray(section)
    ? [known, section]
    : [raw, undefined];
}

function describe(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue);
  if (issue.type === "strict_object" && issue.expected === "never") {
    const key = issue.path?.at(-1)?.key;
    return `unknown key ${JSON.stringify(path ?? key)}${suggestion(String(key), issue)}`;
  }
  if (issue.input === undefined && path !== null) return `${JSON.stringify(path)} is missing`;
  if (path === null) return `the manifest ${issue.message}`;
  return `${JSON.stringify(path)} ${issue.message}, and is ${shorten(issue.input)}`;
}

/** The nearest known key at the place of an unknown one, when it is near enough to be a slip. */
function suggestion(key: string, issue: v.BaseIssue<unknown>): string {
  const known = keysAt(issue);
  const near = known
    .map((candidate) => ({ candidate, edits: distance(key.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits)[0];
  if (near !== undefined && near.edits <= Math.max(2, Math.floor(key.length / 3)))
    return `; did you mean ${JSON.stringify(near.candidate)}?`;
  return `; known are ${known.join(", ")}`;
}

function keysAt(issue: v.BaseIssue<unknown>): string[] {
  const parent = issue.path?.at(-2)?.key;
  if (parent === "limits") return Object.keys(manifestDefinition.entries.limits.wrapped.entries);
  if (parent === "python") return ["interpreter", "venv", "path"];
  return Object.keys(manifestDefinition.entries);
}

function shorten(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

function deepFreeze<T extends object>(value: T): T {
  for (const member of Object.values(value)) if (typeof member === "object" && member !== null) deepFreeze(member);
  return Object.freeze(value);
}
