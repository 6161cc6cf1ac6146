import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { runJob } from "./job-process.ts";
import type { SpeedLine } from "./lines.ts";
import type { Profile } from "./result.ts";
import type { SubjectSpec } from "./subjects/subject.ts";

const SHOWN = 12;

/** The parts of V8's profile that are read. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
}

/** Runs the job of a speed line under V8's sampling profiler: where the time of the process goes, floors included. */
export async function profileLine(
  { id, job }: SpeedLine,
  spec: SubjectSpec,
  env: Readonly<Record<string, string>>,
): Promise<Profile | undefined> {
  const folder = await mkdtemp(join(tmpdir(), "extruntime-profile-"));
  try {
    await runJob(
      { do: "trial", trial: job.trial, size: job.size, spec, measureMs: 1000, warmUpMs: 300 },
      { timeoutMs: 120_000, env, flags: ["--cpu-prof", `--cpu-prof-dir=${folder}`] },
    );
    const files = (await readdir(folder)).filter((file) => file.endsWith(".cpuprofile"));
    if (files[0] === undefined) return undefined;
    const profile = JSON.parse(await readFile(join(folder, files[0]), "utf8")) as CpuProfile;
    return { line: id, subject: job.subject, top: topOf(profile) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Functions by their own share of the samples. */
export function topOf({ nodes, samples }: CpuProfile): { where: string; share: number }[] {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const counts = new Map<string, number>();
  for (const sample of samples) {
    const name = names.get(sample) ?? "unknown";
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts]
    .map(([where, count]) => ({ where, share: Number((count / samples.length).toFixed(4)) }))
    .sort((a, b) => b.share - a.share)
    .slice(0, SHOWN);
}

function nameOf({ functionName, url, lineNumber }: CpuProfile["nodes"][number]["callFrame"]): string {
  const name = functionName || "anonymous";
  return url === "" ? name : `${name} (${basename(url)}:${lineNumber + 1})`;
}
