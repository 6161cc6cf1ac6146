import type { UnavailableEngine } from "extruntime";
import {
  type EngineFound,
  enginesFound,
  enginesMissing,
  type PythonCandidate,
  pythonCandidates,
  type SystemFacts,
  systemFacts,
} from "../diagnosis.ts";
import { closeAll, findEngines, runtimeOf } from "../engines.ts";
import { EXIT } from "../exit-codes.ts";
import { type Output, visible } from "../terminal/io.ts";
import { version } from "../version.ts";
import { type Context, type Outcome, printJson } from "./command.ts";

export interface DoctorOptions {
  /** Runtimes that must be there. */
  readonly require?: readonly string[] | undefined;
}

/** `extruntime doctor` */
export async function doctor({ require: wanted = [] }: DoctorOptions, context: Context): Outcome {
  const discovery = await findEngines();
  try {
    const lacking = wanted.filter((runtime) => runtimeOf({ runtime }, discovery) === undefined);
    const engines = enginesFound(discovery);
    const missing = enginesMissing(discovery);
    const pythons = await pythonCandidates();
    const system = await systemFacts();
    const node = process.versions.node;
    const platform = `${process.platform}-${process.arch}`;
    if (context.json)
      printJson(
        { ok: lacking.length === 0, version, node, platform, engines, missing, pythons, system, lacking },
        context,
      );
    else {
      const { out } = context;
      out.line(`${out.colors.bold("extruntime")} ${version}, Node ${node}, ${platform}`);
      printEngines(engines, missing, out);
      printPythons(pythons, out);
      printSystem(system, out);
      if (lacking.length > 0)
        out.line(`\n${out.colors.red("✖")} required, and not there: ${visible(lacking.join(", "))}`);
    }
    return lacking.length === 0 ? EXIT.ok : EXIT.unavailable;
  } finally {
    await closeAll(discovery);
  }
}

function printEngines(engines: readonly EngineFound[], missing: readonly UnavailableEngine[], out: Output): void {
  const { colors } = out;
  out.line(`\n${colors.bold("Engines")}`);
  const width = Math.max(...[...engines, ...missing].map(({ name }) => name.length));
  for (const { name, package: pkg, version: has, folder, hardSandbox, placements } of engines) {
    const promises = [hardSandbox ? "hard sandbox" : "no sandbox", placements.join(", ")].join("; ");
    out.line(`  ${colors.green("✔")} ${name.padEnd(width)}  ${pkg} ${has ?? "?"}: ${promises}`);
    if (folder !== undefined) out.line(`    ${" ".repeat(width)}  ${colors.dim(visible(folder))}`);
  }
  for (const { name, reason, remedy } of missing) {
    const [first, ...rest] = visible(reason).split("\n");
    out.line(`  ${colors.red("✖")} ${name.padEnd(width)}  ${first}`);
    for (const line of rest) out.line(`    ${" ".repeat(width)}  ${line}`);
    if (remedy !== "") out.line(`    ${" ".repeat(width)}  ${colors.green("→")} ${visible(remedy)}`);
  }
}

function printPythons(pythons: readonly PythonCandidate[] | undefined, out: Output): void {
  if (pythons === undefined) return;
  const { colors } = out;
  out.line(`\n${colors.bold("CPython for pyvm")}, the first that serves`);
  if (pythons.length === 0)
    out.line(`  ${colors.red("✖")} no python3 is there: install one, or name it in PYVM_PYTHON`);
  for (const { path, why, python, problem } of pythons) {
    const where = `${visible(path)} ${colors.dim(`(${why})`)}`;
    if (python === undefined) out.line(`  ${colors.red("✖")} ${where}: ${visible(problem ?? "")}`);
    else out.line(`  ${colors.green("✔")} ${python.version}${python.freeThreaded ? "t" : ""} ${where}`);
  }
}

function printSystem({ sandboxProblem, cgroup, memoryBytes, memoryLimitBytes, cores }: SystemFacts, out: Output): void {
  const { colors } = out;
  const yes = colors.green("✔");
  const no = colors.yellow("–");
  out.line(`\n${colors.bold("This system")}`);
  out.line(
    sandboxProblem === undefined
      ? `  ${yes} sandbox        bubblewrap: processes.sandbox is kept`
      : `  ${no} sandbox        ${visible(sandboxProblem)}`,
  );
  out.line(
    cgroup === undefined
      ? `  ${no} control group  none to divide: a supervisor keeps processes.memoryMb; systemd gives one by Delegate=yes`
      : `  ${yes} control group  ${visible(cgroup)}`,
  );
  const limit = memoryLimitBytes === undefined ? "" : `, of which this process may use ${gibibytes(memoryLimitBytes)}`;
  out.line(`  ${yes} memory         ${gibibytes(memoryBytes)}${limit}`);
  out.line(`  ${yes} cores          ${cores}`);
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
