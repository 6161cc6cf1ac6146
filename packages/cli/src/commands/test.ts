import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Discovery, ExtensionError, openExtension, type Placement } from "extruntime";
import { readCases } from "../cases/cases-file.ts";
import { junit } from "../cases/junit.ts";
import { type CaseResult, type Run, runCases } from "../cases/run-cases.ts";
import { printProblem } from "../check/problem.ts";
import { closeAll, findEngines, requireRuntime } from "../engines.ts";
import { EXIT, UsageError } from "../exit-codes.ts";
import { failureJson, printFailure } from "../terminal/failure.ts";
import { type Output, visible } from "../terminal/io.ts";
import { type Context, type Outcome, plural, printJson } from "./command.ts";

export interface TestOptions {
  /** The cases; `cases.json` of the folder without. */
  readonly cases?: string | undefined;
  readonly placement?: readonly Placement[] | undefined;
  /** Milliseconds of a case. */
  readonly timeout: number;
  /** A file to write JUnit's XML to. */
  readonly junit?: string | undefined;
}

/** `extruntime test <folder>` */
export async function test(folder: string, options: TestOptions, context: Context): Outcome {
  let discovery: Discovery | undefined;
  try {
    const extension = await openExtension(folder);
    const { manifest } = extension;
    const file = options.cases ?? join(folder, "cases.json");
    const { cases, problems, text } = await readCases(
      file,
      options.cases === undefined ? folder : undefined,
      manifest.exports,
    );
    if (problems.length > 0) {
      if (context.json) printJson({ ok: false, name: manifest.name, problems, runs: [] }, context);
      else for (const problem of problems) printProblem(problem, new Map([[file, text]]), context.out);
      return EXIT.failed;
    }
    discovery = await findEngines();
    requireRuntime(manifest, discovery);
    const runs: Run[] = [];
    for (const placement of options.placement ?? [undefined]) {
      const run = await runCases(extension, cases, { placement, timeoutMs: options.timeout }, discovery);
      runs.push(run);
      if (!context.json) printRun(manifest.name, run, context.out);
    }
    const failed = runs.some(({ loadError, results }) => loadError !== undefined || results.some(({ ok }) => !ok));
    if (options.junit !== undefined) await writeReport(options.junit, junit(manifest.name, runs));
    if (context.json) printJson({ ok: !failed, name: manifest.name, problems: [], runs: runs.map(runJson) }, context);
    else printSum(runs, failed, context.out);
    return failed ? EXIT.failed : EXIT.ok;
  } catch (error) {
    if (!ExtensionError.is(error)) throw error;
    if (context.json) printJson({ ok: false, error: failureJson(error) }, context);
    else printFailure(error, context.err);
    return error.code === "ERR_EXT_UNKNOWN_RUNTIME" ? EXIT.unavailable : EXIT.failed;
  } finally {
    if (discovery !== undefined) await closeAll(discovery);
  }
}

async function writeReport(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (error) {
    throw new UsageError(`--junit: ${(error as Error).message}`);
  }
}

function runJson({ loadError, ...run }: Run): object {
  return loadError === undefined ? run : { ...run, loadError: failureJson(loadError) };
}

function printRun(name: string, { runtime, placement, loadError, results }: Run, out: Output): void {
  out.line(`${out.colors.bold(name)} ${out.colors.dim(`${runtime}, ${placement}`)}`);
  if (loadError !== undefined) printFailure(loadError, out);
  for (const result of results) printResult(result, out);
  out.line();
}

function printResult({ name, ok, milliseconds, failure, log }: CaseResult, out: Output): void {
  const { colors } = out;
  out.line(`  ${ok ? colors.green("✔") : colors.red("✖")} ${visible(name)} ${colors.dim(`${milliseconds} ms`)}`);
  if (failure === undefined) return;
  out.line(`      expected ${colors.green(visible(failure.expected))}`);
  out.line(`      got      ${colors.red(visible(failure.got))}`);
  for (const line of log) out.line(colors.dim(`      printed  ${visible(line)}`));
}

function printSum(runs: readonly Run[], failed: boolean, out: Output): void {
  const all = runs.flatMap(({ results }) => results);
  const passed = all.filter(({ ok }) => ok).length;
  const unloaded = runs.filter(({ loadError }) => loadError !== undefined).length;
  const parts = [
    `${passed} passed`,
    ...(passed === all.length ? [] : [`${all.length - passed} failed`]),
    ...(unloaded === 0 ? [] : [`${plural(unloaded, "placement")} did not load`]),
  ];
  out.line(`${failed ? out.colors.red("✖") : out.colors.green("✔")} ${parts.join(", ")}`);
}
