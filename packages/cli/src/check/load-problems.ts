import { relative, sep } from "node:path";
import { type Extension, ExtensionError, type HostFunctions, type Module, perCall, type Runtime } from "extruntime";
import { type Range, rangeOfWord } from "../terminal/code-frame.ts";
import type { JsonText } from "./json-text.ts";
import { withoutFile } from "./manifest-faults.ts";
import type { Problem } from "./problem.ts";

/** Where an extension was looked at, and what messages call its files. */
export interface Place {
  readonly json: JsonText;
  /** Of the manifest, as the command was given the folder. */
  readonly file: string;
  /** Of a file of the extension, the same. */
  readonly fileOf: (path: string) => string;
  /** Texts of the files that problems are in, filled as they are told. */
  readonly texts: Map<string, string>;
}

/** Loads an extension in its engine, each of its functions by itself where one is missing, and tells all that fails. */
export async function loadProblems(extension: Extension, runtime: Runtime, place: Place): Promise<Problem[]> {
  const whole = await failureOf(extension, runtime);
  if (whole === undefined) return [];
  if (whole.code !== "ERR_EXT_UNKNOWN_FUNCTION") return [await problemOf(whole, extension, place)];
  const problems: Problem[] = [];
  for (const name of extension.manifest.exports) {
    const failure = await failureOf(withExports(extension, [name]), runtime);
    if (failure !== undefined) problems.push(await problemOf(failure, extension, place, name));
  }
  return problems.length > 0 ? problems : [await problemOf(whole, extension, place)];
}

async function failureOf(extension: Extension, runtime: Runtime): Promise<ExtensionError | undefined> {
  let module: Module;
  try {
    module = await runtime.load(extension, {
      hostFunctions: everythingAskedFor(extension),
      // Guests of these may do what this process may, never ending included.
      ...(runtime.capabilities.hardSandbox ? {} : { placement: "process" }),
    });
  } catch (error) {
    if (ExtensionError.is(error)) return error;
    throw error;
  }
  await module.close({ abort: true });
  return undefined;
}

/** Whatever it asks for is granted, and given to no call: the top level alone runs. */
export function everythingAskedFor({ manifest }: Extension): HostFunctions {
  return Object.fromEntries(manifest.permissions.map((name) => [name, perCall]));
}

function withExports(extension: Extension, exports: readonly string[]): Extension {
  const { dir, location, manifest } = extension;
  return {
    dir,
    location,
    manifest: { ...manifest, exports },
    read: (path) => extension.read(path),
    list: () => extension.list(),
  };
}

/** A problem is told with its place in a file, which says more than the names before a message. */
function withoutPlace(message: string, { extension, function: fn }: ExtensionError): string {
  for (const place of [`${extension}.${fn}: `, `${extension}: `])
    if (message.startsWith(place)) return message.slice(place.length);
  return message;
}

async function problemOf(
  error: ExtensionError,
  extension: Extension,
  place: Place,
  name = error.function,
): Promise<Problem> {
  const { code } = error;
  const { manifest } = extension;
  const message = withoutPlace(withoutFile(error.message, extension.location), error);
  const problem = { severity: "error", code, message: withoutFile(message, extension.location) } as const;
  const inSource = code === "ERR_EXT_GUEST" ? await placeInSource(error, extension, place) : undefined;
  if (inSource !== undefined) return { ...problem, ...inSource };
  return { ...problem, file: place.file, ...place.json.rangeOf(pathOf(error, place.json, manifest.exports, name)) };
}

/** What of the manifest a failure is about. */
function pathOf(
  { code, message }: ExtensionError,
  json: JsonText,
  exports: readonly string[],
  name: string | undefined,
): (string | number)[] {
  if (code === "ERR_EXT_UNKNOWN_FUNCTION" && name !== undefined) return ["exports", exports.indexOf(name)];
  const limit = /\b(?:limits\.)?(timeoutMs|loadTimeoutMs|memoryMb|maxInstances)\b/.exec(message)?.[1];
  if (limit !== undefined && json.has(["limits", limit])) return ["limits", limit];
  return code === "ERR_EXT_UNSUPPORTED" || code === "ERR_EXT_UNKNOWN_RUNTIME" ? ["runtime"] : ["module"];
}

/** The first place of the guest's stack that is in a file of the extension. */
async function placeInSource(
  { guest }: ExtensionError,
  extension: Extension,
  { fileOf, texts }: Place,
): Promise<({ file: string } & Range) | undefined> {
  const files = await extension.list();
  for (const line of `${guest?.message ?? ""}\n${guest?.stack ?? ""}`.split("\n")) {
    const found = placeIn(line, files, extension);
    if (found === undefined) continue;
    const file = fileOf(found.path);
    const text = Buffer.from(await extension.read(found.path)).toString("utf8");
    texts.set(file, text);
    return { file, ...rangeOfWord(text, found.line, found.column) };
  }
  return undefined;
}

function placeIn(
  line: string,
  files: readonly string[],
  { dir }: Extension,
): { path: string; line: number; column: number | undefined } | undefined {
  // JavaScript: `at f (file.js:3:5)`, `file.js:3`; Python: `File "file.py", line 3`.
  const match = /(?:^|[\s("'<@/])([^\s("'<>:?]+)(?:\?[^\s:]*)?(?::(\d+)(?::(\d+))?|", line (\d+))/.exec(line);
  if (match === null) return undefined;
  const [, raw = "", jsLine, jsColumn, pyLine] = match;
  const inside = dir !== undefined && raw.startsWith(dir + sep) ? relative(dir, raw) : raw;
  const path = files.find((each) => each === inside) ?? files.find((each) => raw.endsWith(`/${each}`));
  if (path === undefined) return undefined;
  return { path, line: Number(jsLine ?? pyLine), column: jsColumn === undefined ? undefined : Number(jsColumn) };
}
