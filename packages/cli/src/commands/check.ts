import { type CheckReport, checkExtension } from "../check/check-extension.ts";
import { printProblem } from "../check/problem.ts";
import { closeAll, findEngines } from "../engines.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { visible } from "../terminal/io.ts";
import { type Context, type Outcome, plural, printJson } from "./command.ts";

export interface CheckOptions {
  /** Warnings fail it too. */
  readonly strict?: boolean | undefined;
}

/** Past them nobody reads on. */
const MOST_SHOWN = 50;

/** `extruntime check <folder>` */
export async function check(folder: string, options: CheckOptions, context: Context): Outcome {
  let discovery: ReturnType<typeof findEngines> | undefined;
  try {
    const report = await checkExtension(folder, () => (discovery ??= findEngines()));
    const exit = exitOf(report, options);
    if (context.json) printJson(asJson(report, exit), context);
    else print(report, exit, context);
    return exit;
  } finally {
    if (discovery !== undefined) await closeAll(await discovery);
  }
}

function exitOf({ problems }: CheckReport, { strict }: CheckOptions): ExitCode {
  const counted = problems.filter(({ severity }) => severity === "error" || strict === true);
  if (counted.length === 0) return EXIT.ok;
  return counted.every(({ code }) => code === "ERR_EXT_UNKNOWN_RUNTIME") ? EXIT.unavailable : EXIT.failed;
}

function asJson({ manifest, runtime, placements, problems, loaded }: CheckReport, exit: ExitCode) {
  const { name, version, exports, permissions } = manifest ?? {};
  return { ok: exit === EXIT.ok, name, version, runtime, exports, permissions, placements, loaded, problems };
}

function print(report: CheckReport, exit: ExitCode, { out }: Context): void {
  const { problems, manifest, runtime, texts } = report;
  const { colors } = out;
  for (const problem of problems.slice(0, MOST_SHOWN)) printProblem(problem, texts, out);
  if (problems.length > MOST_SHOWN) out.line(`${plural(problems.length - MOST_SHOWN, "more fault")}: --json has them`);
  const errors = problems.filter(({ severity }) => severity === "error").length;
  const counts = [
    ...(errors === 0 ? [] : [plural(errors, "error")]),
    ...(problems.length === errors ? [] : [plural(problems.length - errors, "warning")]),
  ].join(", ");
  if (manifest === undefined || runtime === undefined || errors > 0) {
    out.line(`${colors.red("✖")} ${counts}`);
    return;
  }
  const mark = exit === EXIT.ok ? colors.green("✔") : colors.red("✖");
  out.line(
    `${mark} ${colors.bold(manifest.name)} ${manifest.version} loads in ${runtime}${counts === "" ? "" : `, ${counts}`}`,
  );
  const list = (words: readonly string[]) => visible(words.join(", ")) || "none";
  for (const [label, words] of [
    ["exports", manifest.exports],
    ["permissions", manifest.permissions],
    ["placements", report.placements],
  ] as const)
    out.line(`  ${colors.dim(label.padEnd(11))} ${list(words)}`);
}
