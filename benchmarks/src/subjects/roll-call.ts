import { delimiter, dirname } from "node:path";
import type { JobReply } from "../job.ts";
import { runJob } from "../job-process.ts";
import type { Missing } from "../result.ts";
import type { Catalogue } from "./catalogue.ts";
import { floorSpecs } from "./floor-list.ts";
import { peerSpecs } from "./peers.ts";
import type { Python } from "./pythons.ts";
import type { SubjectSpec } from "./subject.ts";

/** Pyodide takes some seconds to its first answer. */
const PROBE_TIMEOUT_MS = 30_000;
/** Answers are not timed, so that several may be awaited. */
const PROBES_AT_ONCE = 4;

export interface RollCall {
  /** Who answered, with what they can do. */
  readonly subjects: SubjectSpec[];
  readonly missing: Missing[];
  readonly versions: Readonly<Record<string, string>>;
  /** For the processes of the run. */
  readonly env: Readonly<Record<string, string>>;
}

/** What the registry has. In a process of its own: this one stays without engines. */
export async function findCandidates(): Promise<Catalogue> {
  const reply = await runJob({ do: "find" }, { timeoutMs: PROBE_TIMEOUT_MS });
  if ("found" in reply) return reply.found as Catalogue;
  throw new Error(`looking for engines failed: ${"error" in reply ? reply.error : "no answer"}`);
}

/** Asks everybody for one answer; who has none is missing, with the reason. */
export async function callRoll(
  { candidates, missing, versions, pythons }: Catalogue,
  chosen: (spec: SubjectSpec) => boolean,
  peerFailures: Readonly<Record<string, string>> | undefined,
): Promise<RollCall> {
  const env = environment(pythons[0]);
  const absent = [...missing];
  const peers = peerFailures === undefined ? [] : peerSpecs();
  const everybody = [...candidates, ...floorSpecs(), ...peers].filter(chosen);
  const replies = new Map<SubjectSpec, JobReply>();
  const queue = everybody.values();
  const ask = async () => {
    for (const spec of queue) replies.set(spec, await probe(spec, peerFailures?.[spec.id], env));
  };
  await Promise.all(Array.from({ length: PROBES_AT_ONCE }, ask));
  const subjects: SubjectSpec[] = [];
  for (const spec of everybody) {
    const reply = replies.get(spec)!;
    if ("capabilities" in reply) subjects.push({ ...spec, capabilities: reply.capabilities });
    else absent.push({ id: spec.id, title: spec.title, reason: "error" in reply ? reply.error : "it gave no answer" });
  }
  return { subjects, missing: absent, versions, env };
}

async function probe(spec: SubjectSpec, notBuilt: string | undefined, env: Record<string, string>): Promise<JobReply> {
  if (notBuilt !== undefined) return { error: `it could not be built: ${notBuilt}` };
  return runJob({ do: "probe", spec }, { timeoutMs: PROBE_TIMEOUT_MS, env });
}

/** One CPython for all: pyvm loads it, children run it, and node-calls-python asks the PATH where its library has its modules. */
function environment(python: Python | undefined): Record<string, string> {
  if (python === undefined) return {};
  return { PYVM_PYTHON: python.executable, PATH: [dirname(python.executable), process.env.PATH].join(delimiter) };
}
