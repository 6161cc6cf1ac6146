import { type JsonPath, JsonText } from "../check/json-text.ts";
import type { Problem } from "../check/problem.ts";
import { UsageError } from "../exit-codes.ts";
import { FileFault, readOwnFile } from "../own-file.ts";

/** An answer of a host function. */
export interface Answer {
  /** The argument that it is for; without one it is for any. */
  readonly input?: unknown;
  readonly output?: unknown;
  /** Message of the error that it fails with, in place of an output. */
  readonly error?: string;
}

/** The error that is expected. What is given must hold. */
export interface ExpectedError {
  /** A code of `ExtensionError`. */
  readonly code?: string;
  /** Name of the guest's own error. */
  readonly name?: string;
  /** A part of the message. */
  readonly message?: string;
}

/** One call, and what must come of it. */
export interface Case {
  readonly name: string;
  readonly function: string;
  readonly input: unknown;
  /** What comes of it: an `output`, whatever it is, or an `error`. */
  readonly expected: { readonly output: unknown } | { readonly error: ExpectedError };
  readonly hostFunctions: Readonly<Record<string, readonly Answer[]>>;
  /** Milliseconds; the command's where there is none. */
  readonly timeoutMs: number | undefined;
}

/** The cases of a file, and what is wrong with it: where something is, there are no cases. */
export interface ReadCases {
  readonly cases: readonly Case[];
  readonly problems: readonly Problem[];
  readonly text: string;
}

const MAX_BYTES = 64 << 20;

/**
 * @param folder that the file must lie in; anywhere without.
 * @throws UsageError where the file cannot be read.
 */
export async function readCases(
  file: string,
  folder: string | undefined,
  exports: readonly string[],
): Promise<ReadCases> {
  const text = await readText(file, folder);
  const json = new JsonText(text);
  const error = { severity: "error", code: "cases", file } as const;
  const problems: Problem[] = json.faults.map((fault) => ({ ...error, ...fault }));
  if (problems.length > 0) return { cases: [], problems, text: json.text };
  const cases = new Reader(exports, (path, message, key) =>
    problems.push({ ...error, message, ...json.rangeOf(path, key) }),
  ).file(json.value);
  problems.sort((a, b) => a.line! - b.line! || a.column! - b.column!);
  return { cases: problems.length > 0 ? [] : cases, problems, text: json.text };
}

async function readText(file: string, folder: string | undefined): Promise<string> {
  try {
    return (await readOwnFile(file, folder, MAX_BYTES)).toString("utf8");
  } catch (error) {
    if (error instanceof FileFault) throw new UsageError(`the cases, ${file}: ${error.message}`);
    throw error;
  }
}

type Tell = (path: JsonPath, message: string, key?: boolean) => void;
type Members = Readonly<Record<string, unknown>>;

/** Takes a value for cases, and tells each fault of it. */
class Reader {
  readonly #exports: readonly string[];
  readonly #tell: Tell;

  constructor(exports: readonly string[], tell: Tell) {
    this.#exports = exports;
    this.#tell = tell;
  }

  file(value: unknown): Case[] {
    const members = this.#object(value, [], ["$schema", "cases"]);
    if (members === undefined) return [];
    const { cases } = members;
    if (!Array.isArray(cases) || cases.length === 0) {
      this.#tell(["cases"], '"cases" must be a list of one case at least');
      return [];
    }
    return cases.flatMap((each, index) => this.#case(each, ["cases", index], index) ?? []);
  }

  #case(value: unknown, path: JsonPath, index: number): Case | undefined {
    const members = this.#object(value, path, [
      "name",
      "function",
      "input",
      "output",
      "error",
      "hostFunctions",
      "timeoutMs",
    ]);
    if (members === undefined) return undefined;
    const { function: fn, timeoutMs } = members;
    const name = this.#text(members, "name", path);
    if (typeof fn !== "string" || !this.#exports.includes(fn))
      this.#tell(
        [...path, "function"],
        `"function" must be one of the extension's exports: ${this.#exports.join(", ")}`,
      );
    if (timeoutMs !== undefined && !(Number.isInteger(timeoutMs) && (timeoutMs as number) > 0))
      this.#tell([...path, "timeoutMs"], '"timeoutMs" must be a whole number of milliseconds');
    const expected = this.#expected(members, path);
    return {
      name: name ?? `${String(fn)} ${index + 1}`,
      function: String(fn),
      input: members.input ?? null,
      expected,
      hostFunctions: this.#hostFunctions(members.hostFunctions, [...path, "hostFunctions"]),
      timeoutMs: timeoutMs as number | undefined,
    };
  }

  #expected(members: Members, path: JsonPath): Case["expected"] {
    if (Object.hasOwn(members, "output") === Object.hasOwn(members, "error"))
      this.#tell(path, 'a case has an "output" or an "error", and one of them alone');
    if (!Object.hasOwn(members, "error")) return { output: members.output };
    if (typeof members.error === "string") return { error: { message: members.error } };
    const at = [...path, "error"];
    const error = this.#object(members.error, at, ["code", "name", "message"]) ?? {};
    for (const key of ["code", "name", "message"]) this.#text(error, key, at);
    return { error: error as ExpectedError };
  }

  #hostFunctions(value: unknown, path: JsonPath): Case["hostFunctions"] {
    if (value === undefined) return {};
    const functions = this.#object(value, path, undefined) ?? {};
    for (const [name, answers] of Object.entries(functions)) {
      if (!Array.isArray(answers)) this.#tell([...path, name], `${JSON.stringify(name)} must be a list of answers`);
      else for (const [index, each] of answers.entries()) this.#answer(each, [...path, name, index]);
    }
    return functions as Case["hostFunctions"];
  }

  #answer(value: unknown, path: JsonPath): void {
    const members = this.#object(value, path, ["input", "output", "error"]);
    if (members === undefined) return;
    this.#text(members, "error", path);
    if (Object.hasOwn(members, "output") === Object.hasOwn(members, "error"))
      this.#tell(path, 'an answer has an "output" or an "error", and one of them alone');
  }

  #text(members: Members, key: string, path: JsonPath): string | undefined {
    const value = members[key];
    if (value === undefined || typeof value === "string") return value;
    this.#tell([...path, key], `${JSON.stringify(key)} must be a text`);
    return undefined;
  }

  #object(value: unknown, path: JsonPath, known: readonly string[] | undefined): Members | undefined {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      this.#tell(path, `${path.length === 0 ? "the file" : JSON.stringify(String(path.at(-1)))} must be an object`);
      return undefined;
    }
    for (const key of known === undefined ? [] : Object.keys(value))
      if (!known!.includes(key))
        this.#tell([...path, key], `unknown key ${JSON.stringify(key)}; known are ${known!.join(", ")}`, true);
    return value as Members;
  }
}
