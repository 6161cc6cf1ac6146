import { format, formatBytes, formatSpan } from "../format.ts";
import { type JudgedLine, judge } from "../lines.ts";
import type { Profile, RunResult } from "../result.ts";
import { summarize } from "../statistics.ts";
import { CHOICE_COLUMNS, CHOICE_TITLE, type Choice, choices } from "./choice.ts";
import { markdownTable, oneLine } from "./table.ts";
import { trialTables } from "./trial-tables.ts";

/** Findings about promises, by the id of the line: benchmarks/notes/<id>.md, shown while the promise is not met. */
export type Notes = Readonly<Record<string, string>>;

/** docs/EXTENSIONS_BENCHMARK.md */
export function renderMarkdown(result: RunResult, notes: Notes = {}): string {
  const judged = judge(result);
  return `${[
    "# Benchmarks",
    `<!-- Written by \`pnpm bench --report\` from benchmarks/results/report.json. Do not edit. -->`,
    "Every engine, the floors that it stands on, and the packages that a user would take instead, measured in one run. [benchmark.html](benchmark.html) shows the same as plots, and [choosing-an-engine.md](choosing-an-engine.md) says what follows from it.",
    machine(result),
    `## ${CHOICE_TITLE}`,
    ...choices(result).map(choiceTable),
    ...result.trials.flatMap((trial) => [`## ${trial.title}`, trial.what, trialTables(result, trial)]),
    ...installed(result),
    ...absent(result),
    "## Promises of speed",
    "Each is a ratio to something measured beside it. `A ÷ B` is how many times B's time or rate A takes; in brackets the least and the most of all rounds.",
    promises(judged),
    ...profiles(result, judged, notes),
    method(result),
    CAVEATS,
  ].join("\n\n")}\n`;
}

function choiceTable({ language, rows }: Choice): string {
  const lines = rows.map(({ subject, cells }) => [
    subject.kind === "engine" ? `**${subject.title}**` : subject.title,
    ...cells,
  ]);
  return markdownTable([language, ...CHOICE_COLUMNS], lines);
}

function machine({ machine: m, versions, date, commit, dirty, rounds, quick, seconds, leftOut }: RunResult): string {
  const short =
    leftOut > 0 ? `; ${leftOut} jobs had no time left, so most figures are of one round, and some are missing` : "";
  const facts = [
    `${m.cpu}, ${m.cores} processors, ${formatBytes(m.memoryBytes)}, ${m.os} (${m.arch})`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", "),
    `${date.slice(0, 10)}, commit ${commit}${dirty ? " with changes" : ""}, ${leftOut > 0 ? "at most " : ""}${rounds} rounds in ${Math.ceil(seconds / 60)} minutes${short}`,
    `load average ${m.load[0]} before the run, ${m.load[1]} after it`,
  ];
  const note = quick ? "\n\n**This was a quick run: fewer trials, and more noise.**" : "";
  return facts.map((fact) => `- ${fact}`).join("\n") + note;
}

function promises(judged: readonly JudgedLine[]): string {
  const rows = judged.map(({ line, verdict, rounds }) => {
    const summary = summarize(rounds);
    const show = (value: number) => format(value, line.unit);
    const bound =
      "atMost" in line.bound ? `at most ${show(line.bound.atMost)}` : `at least ${show(line.bound.atLeast)}`;
    const measured =
      summary === undefined ? "–" : `${show(summary.median)} (${formatSpan(summary.min, summary.max, line.unit)})`;
    return [`${line.about}: ${line.claim}`, measured, bound, verdict === "not met" ? "**not met**" : verdict];
  });
  return markdownTable(["", "measured", "promised", ""], rows);
}

/** Where the time goes of what is not met, as the profiler has it, and what somebody found who looked closer. */
function profiles(result: RunResult, judged: readonly JudgedLine[], notes: Notes): string[] {
  return judged
    .filter(({ verdict }) => verdict === "not met")
    .flatMap(({ line }) => {
      const profile = result.profiles.find((each) => each.line === line.id);
      const note = notes[line.id];
      if (profile === undefined && note === undefined) return [];
      return [
        `### Where the time goes: ${line.about}, ${line.claim}`,
        ...(note === undefined ? [] : [note.trim()]),
        ...(profile === undefined ? [] : [profileTable(line.job.trial, profile)]),
      ];
    });
}

function profileTable(trial: string, { subject, top }: Profile): string {
  const rows = top.map(({ where, share }) => [`\`${where}\``, `${(share * 100).toFixed(1)} %`]);
  const what = `V8's sampling profiler over the job \`${trial}\` of ${subject}, floors in the same process included; \`(program)\` is native code.`;
  return `${what}\n\n${markdownTable(["function", "share of samples"], rows)}`;
}

function installed({ installed: sizes }: RunResult): string[] {
  if (sizes.length === 0) return [];
  const rows = [...sizes]
    .sort((a, b) => a.kind.localeCompare(b.kind) || a.totalBytes - b.totalBytes)
    .map(({ name, version, kind, ownBytes, totalBytes, packages }) => [
      kind === "engine" ? `**${name}**` : `${name} ${version}`,
      formatBytes(ownBytes),
      formatBytes(totalBytes),
      String(packages),
    ]);
  return [
    "## Size on disk",
    "What an installation brings.",
    markdownTable(["", "its own files", "with its dependencies", "packages"], rows),
  ];
}

function absent({ missing, failures, leftOut }: RunResult): string[] {
  const lines = [
    ...missing.map(({ title, id, reason }) => `- **${id.includes("/") ? id : title}**: ${oneLine(reason)}`),
    ...failures.map(
      ({ trial, subject, size, reason }) =>
        `- **${[trial, subject, size].filter(Boolean).join("/")}** failed: ${oneLine(reason)}`,
    ),
    ...(leftOut > 0 ? [`- ${leftOut} jobs, for which there was no time`] : []),
  ];
  return lines.length === 0 ? [] : ["## Not measured, and why", lines.join("\n")];
}

function method({ rounds }: RunResult): string {
  return `## Method

- \`pnpm bench\` finds the engines through the registry, asks each for one answer, and measures those that gave the right one.
- A trial of a subject at a size is a job in a process of its own, with its own warm-up. All jobs run in each of ${rounds} rounds, in random order; those that
  are compared with each other run one after the other. Figures are medians of the rounds.
- A ratio to a floor is taken in one process: subject and floor take turns of 5 ms in random order, and the median of the turns' ratios counts.
- Waves of calls are started in one turn of the event loop. Latency and rate are measured apart, since clocks cost time. The event loop's delay is what
  \`monitorEventLoopDelay\` says beyond its own millisecond; the main thread's time is the system's count of its processor time.
- Memory is resident memory of the process and its children, shared pages counted once, after a collection.
- The floors are in benchmarks/src/floors, the peers in benchmarks/peers: each file names the page of the documentation that it follows.
- \`pnpm bench:compare A.json B.json\` says which ratios of two runs moved beyond the noise.`;
}

const CAVEATS = `## Caveats

- Only ratios travel between machines. Times on a shared machine vary by a third from hour to hour, and the ratios to a floor in the same process by a few per cent.
- Engines differ in what they promise: a figure of \`native\` is one without a sandbox. See the capabilities in each package's README.
- One small payload stands for many of a service's calls, and the table of payload sizes for the others. Measure your own extension where it matters.
- Ratios over processes (what the rate of one subject is to another's) carry the noise of both.`;
