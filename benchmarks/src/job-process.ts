import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { JobReply, JobRequest } from "./job.ts";
import type { SubjectSpec } from "./subjects/subject.ts";

const JOB = fileURLToPath(new URL("./job.js", import.meta.url));
const STDERR_KEPT = 4096;

export interface JobOptions {
  readonly timeoutMs: number;
  /** For every process of the run, before what a subject wants. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** More flags of Node, for profiling. */
  readonly flags?: readonly string[] | undefined;
}

/** Runs one job in a process of its own. Whatever happens to that process is an answer, never an exception. */
export async function runJob(request: JobRequest, options: JobOptions): Promise<JobReply> {
  const spec: SubjectSpec | undefined = request.do === "find" ? undefined : request.spec;
  const flags = ["--expose-gc", "--no-warnings", ...(spec?.flags ?? []), ...(options.flags ?? [])];
  const child = spawn(process.execPath, [...flags, JOB, JSON.stringify(request)], {
    env: { ...process.env, ...options.env, ...spec?.env },
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  let reply = "";
  let errors = "";
  child.stdio[3]!.on("data", (data) => (reply += data));
  child.stderr!.on("data", (data) => (errors = `${errors}${data}`.slice(-STDERR_KEPT)));
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, options.timeoutMs);
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  clearTimeout(timer);
  if (reply !== "") return JSON.parse(reply) as JobReply;
  if (late) return { error: `it did not end within ${options.timeoutMs / 1000} s` };
  return { error: `the process ended with ${signal ?? code}: ${lastLines(errors)}` };
}

function lastLines(text: string): string {
  return text.trim().split("\n").slice(-3).join(" ").trim() || "no message";
}
