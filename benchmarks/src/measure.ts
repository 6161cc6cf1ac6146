import { homedir } from "node:os";
import { installedSizes } from "./installed.ts";
import { runJob } from "./job-process.ts";
import { judge } from "./lines.ts";
import { commit, currentLoad, describeMachine, versions } from "./machine.ts";
import type { Options } from "./options.ts";
import { ROOT } from "./paths.ts";
import { installPeers } from "./peers-install.ts";
import { isChosen, makePlan } from "./plan.ts";
import { profileLine } from "./profile.ts";
import type { Reporter } from "./progress.ts";
import { type Missing, type Profile, RESULT_SCHEMA, type RunResult } from "./result.ts";
import { type Measured, runRounds } from "./rounds.ts";
import { isSlow, PEER_LIST, peerSpecs, peersInstalled } from "./subjects/peers.ts";
import { callRoll, findCandidates, type RollCall } from "./subjects/roll-call.ts";
import type { SubjectSpec } from "./subjects/subject.ts";

const JOB_TIMEOUT_MS = 180_000;
/** For the jobs of a quick run that had to build everything first. */
const LEAST_BUDGET_MS = 40_000;

/** The whole run, from finding the engines to the result. */
export async function measure(options: Options, reporter: Reporter): Promise<RunResult> {
  const started = performance.now();
  const loadBefore = currentLoad();
  const roll = await gather(options, reporter);
  const blocks = makePlan(roll.subjects, options);
  const interrupt = new AbortController();
  // What is measured by then is kept.
  process.once("SIGINT", () => interrupt.abort());
  const measured = await runRounds(
    blocks,
    // What was used up since the process began, to build and to look around, is not there for the jobs.
    {
      rounds: options.rounds,
      signal: interrupt.signal,
      budgetMs: Math.max(LEAST_BUDGET_MS, options.budgetMs - process.uptime() * 1000),
    },
    ({ trial, size }, spec) =>
      runJob(
        { do: "trial", trial: trial.info.id, size, spec, measureMs: options.measureMs, warmUpMs: options.warmUpMs },
        { timeoutMs: JOB_TIMEOUT_MS, env: roll.env },
      ),
    (progress) => reporter.onProgress(progress),
  );
  reporter.end();
  if (measured.leftOut > 0) reporter.say(`${measured.leftOut} jobs were left out`);
  const result = assemble(options, roll, measured, started, loadBefore);
  return {
    ...result,
    profiles: options.quick || interrupt.signal.aborted ? [] : await profiles(result, roll, reporter),
  };
}

/** Finds, installs and asks everybody who may take part. */
export async function gather(options: Options, reporter: Reporter): Promise<RollCall> {
  reporter.say("looking for engines");
  const found = await findCandidates();
  const wantsPeers =
    options.peers && (options.engines.length === 0 || PEER_LIST.some(({ id }) => options.engines.includes(id)));
  // A quick run has no time to build anything: it takes what an earlier run has installed.
  const failures =
    !wantsPeers || (options.quick && !peersInstalled())
      ? undefined
      : options.quick
        ? {}
        : await installPeers(found.pythons[0]?.executable, (text) => reporter.say(text));
  reporter.say("asking each for one answer");
  const tooSlow = ({ id }: SubjectSpec) => options.quick && isSlow(id) && !options.engines.includes(id);
  const roll = await callRoll(found, (spec) => isChosen(spec, options) && !tooSlow(spec), failures);
  const missing: Missing[] = [...roll.missing];
  if (failures !== undefined)
    for (const peer of peerSpecs().filter(tooSlow))
      missing.push({ id: peer.id, title: peer.title, reason: "it starts too slowly for a quick run" });
  if (wantsPeers && failures === undefined)
    missing.push({ id: "peers", title: "peers", reason: "not installed; a run without --quick installs them" });
  reporter.say(`${roll.subjects.length} can be measured, ${missing.length} are missing`);
  return { ...roll, missing };
}

function assemble(
  options: Options,
  roll: RollCall,
  measured: Measured,
  started: number,
  loadBefore: number,
): RunResult {
  const trials = makePlan(roll.subjects, options).map(({ trial }) => trial.info);
  const measuredTrials = new Set(measured.cells.map(({ trial }) => trial));
  return {
    schema: RESULT_SCHEMA,
    date: new Date().toISOString(),
    ...commit(),
    quick: options.quick,
    rounds: options.rounds,
    seconds: Math.round((performance.now() - started) / 1000),
    machine: describeMachine(loadBefore),
    versions: { ...versions(), ...roll.versions },
    subjects: roll.subjects.map(withoutSource),
    missing: [...roll.missing, ...measured.unfit].map(withoutPaths),
    trials: [...new Map(trials.map((info) => [info.id, info])).values()].filter(({ id }) => measuredTrials.has(id)),
    cells: measured.cells,
    failures: measured.failures.map(withoutPaths),
    leftOut: measured.leftOut,
    installed: installedSizes(),
    profiles: [],
  };
}

/** Messages of errors are full of this machine's folders, which are nobody else's. */
function withoutPaths<T extends { readonly reason: string }>(item: T): T {
  return { ...item, reason: item.reason.replaceAll(ROOT, "").replaceAll(homedir(), "~") };
}

/** How a subject was made is of this machine, and full of its paths. */
function withoutSource({ source: _, env: __, flags: ___, ...info }: SubjectSpec) {
  return info;
}

async function profiles(result: RunResult, roll: RollCall, reporter: Reporter): Promise<Profile[]> {
  const found: Profile[] = [];
  for (const { line, verdict } of judge(result)) {
    const spec = roll.subjects.find(({ id }) => id === line.job.subject);
    if (verdict !== "not met" || spec === undefined) continue;
    reporter.say(`profiling ${line.about}: ${line.claim}`);
    const profile = await profileLine(line, spec, roll.env);
    if (profile !== undefined) found.push(profile);
  }
  return found;
}
