// The process of one job: asked by its arguments, it answers with one line of JSON on file descriptor 3, so that whatever
// guests and peers print does not matter.
import { writeSync } from "node:fs";
import type { CapabilityFlags } from "./result.ts";
import { NoSuchGuest, type SubjectSpec } from "./subjects/subject.ts";
import { TRIALS } from "./trials/index.ts";
import { ANSWER, PAYLOAD, type Readings, Unfit } from "./trials/trial.ts";

export type JobRequest =
  | { readonly do: "find" }
  | { readonly do: "probe"; readonly spec: SubjectSpec }
  | {
      readonly do: "trial";
      readonly trial: string;
      readonly spec: SubjectSpec;
      readonly size: string;
      readonly measureMs: number;
      readonly warmUpMs: number;
    };

export type JobReply =
  | { readonly found: unknown }
  | { readonly capabilities: CapabilityFlags }
  | { readonly readings: Readings }
  /** Nothing to measure there, and why. */
  | { readonly unfit: string }
  | { readonly error: string };

if (process.argv[2] !== undefined) await main(JSON.parse(process.argv[2]) as JobRequest);

async function main(request: JobRequest): Promise<void> {
  const reply = await answer(request).catch((error: unknown) => failed(error));
  writeSync(3, JSON.stringify(reply));
  // What a subject leaves running must not keep the run waiting.
  process.exit(0);
}

async function answer(request: JobRequest): Promise<JobReply> {
  if (request.do === "find") return { found: await (await import("./subjects/catalogue.ts")).findEngines() };
  if (request.do === "probe") return { capabilities: await probe(request.spec) };
  const trial = TRIALS.find(({ info }) => info.id === request.trial);
  if (trial === undefined) throw new TypeError(`there is no trial ${request.trial}`);
  return { readings: await trial.run(request) };
}

/** Asks for one answer, and looks at what can be asked. */
async function probe(spec: SubjectSpec): Promise<CapabilityFlags> {
  if (spec.source.from === "self-timed") {
    await (await (await import("./floors/python-loop.ts")).pythonLoop()).close();
    return { sync: true, async: false, abort: false };
  }
  const { openSubject } = await import("./subjects/open.ts");
  const opened = await openSubject(spec, { guest: "validate" });
  const text = opened.call ? await opened.call("validate", PAYLOAD) : opened.callSync!("validate", PAYLOAD);
  const { email } = JSON.parse(text) as typeof ANSWER;
  if (email !== ANSWER.email) throw new Error(`it answered ${text}`);
  const { callSync, call, callWithin } = opened;
  const flags = { sync: callSync !== undefined, async: call !== undefined, abort: callWithin !== undefined };
  await opened.close();
  if (spec.source.from !== "engine") return flags;
  const { makeRuntime } = await import("./subjects/engines.ts");
  const runtime = await makeRuntime(spec.engine!, spec.source);
  const { hardSandbox, crashIsolation, memoryLimit, parallel, deadline } = runtime.capabilities;
  await runtime.close();
  return { ...flags, hardSandbox, crashIsolation, memoryLimit, parallel, deadline };
}

function failed(error: unknown): JobReply {
  if (error instanceof Unfit || error instanceof NoSuchGuest) return { unfit: error.message };
  return { error: error instanceof Error ? error.message : String(error) };
}
