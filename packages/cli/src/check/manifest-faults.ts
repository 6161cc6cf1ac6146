import { isUtf8 } from "node:buffer";
import { dirname } from "node:path";
import { ExtensionError, manifestFaults, parseManifest } from "extruntime";
import { FileFault, readOwnFile } from "../own-file.ts";
import { JsonText } from "./json-text.ts";
import type { Problem } from "./problem.ts";

/** A manifest is written by hand: the core takes none that is larger. */
const MAX_BYTES = 1 << 20;

/** The manifest's text with the places of its values, and all that is wrong with it. */
export interface CheckedManifest {
  /** `undefined` where it cannot be read as text. */
  readonly json: JsonText | undefined;
  readonly problems: readonly Problem[];
}

export async function checkManifest(file: string): Promise<CheckedManifest> {
  const text = await readText(file);
  if (typeof text !== "string") return { json: undefined, problems: [text] };
  let json: JsonText;
  try {
    json = new JsonText(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { json: undefined, problems: [bad(file, "is nested too deep to be a manifest")] };
  }
  return { json, problems: faultsOf(json, file) };
}

function faultsOf(json: JsonText, file: string): Problem[] {
  const { value, faults } = json;
  const error = { severity: "error", code: "ERR_EXT_BAD_MANIFEST", file } as const;
  const problems: Problem[] = faults.map((fault) => ({ ...error, ...fault }));
  for (const { path, kind, message } of value === undefined ? [] : manifestFaults(value)) {
    // Of a text with faults not everything was understood: what is missing may be there.
    if (faults.length > 0 && (kind === "missing" || !json.has(path))) continue;
    problems.push({ ...error, message, ...json.rangeOf(path, kind === "unknown-key") });
  }
  problems.sort((a, b) => a.line! - b.line! || a.column! - b.column!);
  return problems.length > 0 ? problems : whatTheCoreSays(json, file);
}

/** The core has the last word: what it refuses is wrong, whether a place is known or not. */
function whatTheCoreSays(json: JsonText, file: string): Problem[] {
  try {
    parseManifest(json.text, file);
    return [];
  } catch (error) {
    if (!ExtensionError.is(error)) throw error;
    return [{ severity: "error", code: error.code, message: withoutFile(error.message, file), file }];
  }
}

/** A problem is told with its file before it. */
export function withoutFile(message: string, file: string): string {
  return message.startsWith(`${file}: `) ? message.slice(file.length + 2) : message;
}

/** Its text, or why there is none. */
async function readText(file: string): Promise<string | Problem> {
  try {
    const bytes = await readOwnFile(file, dirname(file), MAX_BYTES);
    return isUtf8(bytes) ? bytes.toString("utf8") : bad(file, "is not UTF-8 text");
  } catch (error) {
    if (!(error instanceof FileFault)) throw error;
    if (!error.missing) return bad(file, error.message);
    return {
      severity: "error",
      code: "ERR_EXT_NO_MANIFEST",
      message: "there is no such file; an extension is a folder with an extension.json",
      file,
      remedy: "Name the folder of an extension, or make one: extruntime init",
    };
  }
}

function bad(file: string, message: string): Problem {
  return { severity: "error", code: "ERR_EXT_BAD_MANIFEST", message, file };
}
