import { isDeepStrictEqual } from "node:util";
import {
  type Discovery,
  type Extension,
  ExtensionError,
  ExtensionHost,
  type HostFunction,
  type HostFunctions,
  type Logger,
  type Module,
  type Placement,
} from "extruntime";
import { everythingAskedFor } from "../check/load-problems.ts";
import type { Case, ExpectedError } from "./cases-file.ts";

/** What came of a case at a placement. */
export interface CaseResult {
  readonly name: string;
  readonly function: string;
  readonly ok: boolean;
  readonly milliseconds: number;
  /** What was expected and what came, for people; `undefined` where it is as it must be. */
  readonly failure: { readonly expected: string; readonly got: string } | undefined;
  /** Lines that the guest printed meanwhile. */
  readonly log: readonly string[];
}

/** What came of all cases at a placement. */
export interface Run {
  readonly runtime: string;
  readonly placement: Placement;
  /** Why nothing was run. */
  readonly loadError: ExtensionError | undefined;
  readonly results: readonly CaseResult[];
}

export interface RunOptions {
  /** Where it runs at the nearest; where its manifest says, without one. */
  readonly placement: Placement | undefined;
  /** Milliseconds of a case that does not say, where its engine can keep it. */
  readonly timeoutMs: number;
}

/** Runs the cases one after the other in one module, so that they find what those before them have left, as calls do. */
export async function runCases(
  extension: Extension,
  cases: readonly Case[],
  { placement, timeoutMs }: RunOptions,
  discovery: Discovery,
): Promise<Run> {
  let lines: string[] = [];
  const host = new ExtensionHost({
    ...discovery,
    policy: placement === undefined ? {} : { placement: { atLeast: placement } },
    hostFunctions: everythingAskedFor(extension),
    logger: collect((line) => lines.push(line)),
  });
  let module: Module;
  try {
    module = await host.load(extension);
  } catch (error) {
    if (!ExtensionError.is(error)) throw error;
    const { runtime, placement: own = "inline" } = extension.manifest;
    return { runtime, placement: placement ?? own, loadError: error, results: [] };
  }
  const results: CaseResult[] = [];
  for (const each of cases) {
    lines = [];
    const result = await runCase(module, each, timeoutMs);
    results.push({ ...result, log: lines });
  }
  await module.close({ abort: true });
  return { runtime: module.runtime, placement: module.placement, loadError: undefined, results };
}

async function runCase(module: Module, each: Case, timeoutMs: number): Promise<Omit<CaseResult, "log">> {
  const limit = each.timeoutMs ?? (module.capabilities.deadline === false ? undefined : timeoutMs);
  const started = performance.now();
  const outcome = await module
    .call(each.function, each.input, {
      functions: answering(each),
      ...(limit === undefined ? {} : { timeoutMs: limit }),
    })
    .then(
      (output) => ({ output }),
      (error: unknown) => ({ error }),
    );
  const milliseconds = Math.round((performance.now() - started) * 100) / 100;
  const failure = differs(each.expected, outcome);
  return { name: each.name, function: each.function, ok: failure === undefined, milliseconds, failure };
}

function differs(
  expected: Case["expected"],
  outcome: { readonly output: unknown } | { readonly error: unknown },
): CaseResult["failure"] {
  if ("error" in outcome && !ExtensionError.is(outcome.error)) throw outcome.error;
  if ("output" in expected) {
    if ("output" in outcome && sameJson(outcome.output, expected.output)) return undefined;
  } else if ("error" in outcome && isExpected(outcome.error as ExtensionError, expected.error)) return undefined;
  return { expected: told(expected), got: told(outcome) };
}

function isExpected(error: ExtensionError, { code, name, message }: ExpectedError): boolean {
  if (code !== undefined && code !== error.code) return false;
  if (name !== undefined && name !== error.guest?.name) return false;
  return message === undefined || error.message.includes(message);
}

function told(outcome: { readonly output: unknown } | { readonly error: unknown }): string {
  if ("output" in outcome) return JSON.stringify(outcome.output);
  const { error } = outcome;
  return ExtensionError.is(error)
    ? `an error, ${error.code}: ${error.message}`
    : `an error with ${JSON.stringify(error)}`;
}

/** The host functions of a case: each answers as its list says. */
function answering({ hostFunctions }: Case): HostFunctions {
  const functions: Record<string, HostFunction> = Object.create(null);
  for (const [name, answers] of Object.entries(hostFunctions))
    functions[name] = (input: unknown) => {
      const answer = answers.find((each) => !Object.hasOwn(each, "input") || sameJson(each.input, input));
      if (answer === undefined) throw new Error(`the case has no answer of ${name} to ${JSON.stringify(input)}`);
      if (answer.error !== undefined) throw new Error(answer.error);
      return answer.output;
    };
  return functions;
}

/** The core's objects may have no prototype, which makes no other value of JSON. */
function sameJson(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(plain(a), plain(b));
}

function plain(value: unknown): unknown {
  return value === undefined ? null : JSON.parse(JSON.stringify(value));
}

function collect(line: (text: string) => void): Logger {
  return { debug: line, info: line, warn: line, error: line };
}
