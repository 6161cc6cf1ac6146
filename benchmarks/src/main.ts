import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { judge } from "./lines.ts";
import { gather, measure } from "./measure.ts";
import { HELP, type Options, parseOptions } from "./options.ts";
import { RESULTS } from "./paths.ts";
import { makePlan } from "./plan.ts";
import { makeReporter } from "./progress.ts";
import { RESULT_SCHEMA, type RunResult } from "./result.ts";
import { printResult } from "./terminal.ts";

/** The run that the documents are written from. */
const REPORT_FILE = join(RESULTS, "report.json");

export async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--help") || args.includes("-h")) return void process.stdout.write(HELP);
  if (args[0] === "report") return report(args.slice(1));
  const options = parseOptions(args);
  if (options.list) return list(options);
  const result = await measure(options, makeReporter());
  const out = options.out ?? join(RESULTS, `${result.date.replace(/[:.]/g, "-")}.json`);
  await save(resolve(out), result);
  process.stdout.write(`${printResult(result, judge(result))}\n${out}\n`);
  if (options.report) await writeReport(result);
}

/** `report [file] [--to folder]`: documents of a result, without keeping it as the report where they go elsewhere. */
async function report(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { to: { type: "string" } },
    allowPositionals: true,
  });
  const result = await readResult(positionals[0] ?? (await newest()));
  if (values.to === undefined) return writeReport(result);
  const { writeDocuments } = await import("./report/index.ts");
  for (const file of await writeDocuments(result, resolve(values.to))) process.stdout.write(`${file}\n`);
}

/** @throws TypeError for a file of another kind. */
export async function readResult(path: string): Promise<RunResult> {
  const result = JSON.parse(await readFile(path, "utf8")) as RunResult;
  if (result.schema !== RESULT_SCHEMA) throw new TypeError(`${path} is no result of schema ${RESULT_SCHEMA}`);
  return result;
}

async function writeReport(result: RunResult): Promise<void> {
  const { writeDocuments } = await import("./report/index.ts");
  await save(REPORT_FILE, result);
  for (const file of await writeDocuments(result)) process.stdout.write(`${file}\n`);
}

async function save(path: string, result: RunResult): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${JSON.stringify(result)}\n`);
}

async function newest(): Promise<string> {
  const files = (await readdir(RESULTS).catch(() => [])).filter((file) => file.endsWith(".json"));
  const dated = await Promise.all(
    files.map(async (file) => ({ file, time: (await stat(join(RESULTS, file))).mtimeMs })),
  );
  const last = dated.sort((a, b) => b.time - a.time)[0];
  if (last === undefined) throw new TypeError(`${RESULTS} has no result yet: run pnpm bench first`);
  return join(RESULTS, last.file);
}

async function list(options: Options): Promise<void> {
  const { subjects, missing } = await gather(options, makeReporter());
  for (const { id, title, kind } of subjects) process.stdout.write(`${kind.padEnd(7)} ${id.padEnd(28)} ${title}\n`);
  for (const { title, reason } of missing) process.stdout.write(`missing ${title}: ${reason}\n`);
  const blocks = makePlan(subjects, options);
  const jobs = blocks.reduce((sum, block) => sum + block.subjects.length, 0);
  process.stdout.write(`${blocks.length} trials and sizes, ${jobs} jobs a round\n`);
}
