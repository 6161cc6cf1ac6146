import assert from "node:assert/strict";
import { ExtensionHost, type ExtensionHostOptions, type HostFunctionContext, type RunRequest } from "extruntime";
import type { Bench } from "../../bench/bench.ts";
import { expectCode, refusal } from "../../expect/expect.ts";
import { hasOwnProcesses, type Subject } from "../../facts/facts.ts";
import { HOST_FUNCTION } from "../../sources/kit-guest.ts";
import type { Group, Test } from "../test.ts";

/** Runs at a time: more than a module has instances. */
const TOGETHER = 10;
/** The same where each of them starts a process. */
const PROCESSES_TOGETHER = 3;

/** `host.run`: source text by itself, as stored functions are. */
export function sourceRunGroup(subject: Subject): Group {
  const together = hasOwnProcesses(subject) ? PROCESSES_TOGETHER : TOGETHER;
  const tests = [apart(together), ...(subject.capabilities.hostFunctions ? [withFunctions(together)] : [])];
  return {
    name: "source that is run on demand",
    promise: "contract",
    tests: tests.map((test) => ({ ...test, shares: true })),
  };
}

const apart = (atATime: number): Test => ({
  name: "two runs share no state, one after the other or at a time, unless they are told to",
  run: (bench) =>
    withHost(bench, {}, async (host) => {
      const counter = await sourceOf(bench, "counter", "next");
      const echo = await sourceOf(bench, "echo", "echo");
      const thrower = await sourceOf(bench, "throw", "fail");
      const next = (share = false) => bench.answered(host.run({ ...counter, share }), "a run");
      const separate = await canBeApart(bench, host);
      if (separate) {
        for (let i = 0; i < 3; i++) {
          assert.equal(await next(), 1, "a run found what one before it has left");
          assert.equal(await bench.answered(host.run(echo, i), "a run of another source"), i);
          await refusal(() => host.run(thrower, i), "ERR_EXT_GUEST", "a run of a source that throws");
        }
        const together = await Promise.all(Array.from({ length: atATime }, () => next()));
        assert.deepEqual(together, Array(atATime).fill(1), "runs at a time share state");
      }
      for (let i = 1; i <= 3; i++)
        assert.equal(await next(true), i, "runs that share must find what those before them have left");
      if (separate) assert.equal(await next(), 1, "a run found what those have left that share");
    }),
});

const withFunctions = (atATime: number): Test => ({
  name: "a run has the host functions and the context of its request, and none of another's",
  run: (bench) =>
    withHost(bench, { hostFunctions: { [HOST_FUNCTION]: () => "the host's" } }, async (host) => {
      const source = { ...(await sourceOf(bench, "call-host", "call")), share: !(await canBeApart(bench, host)) };
      const run = (i: number) => {
        const answer = (value: unknown, { context }: HostFunctionContext) => [i, value, context];
        const request = { ...source, functions: { [HOST_FUNCTION]: answer }, context: { of: i } };
        return bench.answered(host.run(request, i), "a run that calls the host");
      };
      assert.deepEqual(await run(0), [0, 0, { of: 0 }]);
      const together = await Promise.all(Array.from({ length: atATime }, (_, i) => run(i)));
      together.forEach((answer, i) => {
        assert.deepEqual(answer, [i, i, { of: i }], "a run has called the functions of another");
      });
      await refusal(() => host.run(source, 1), "ERR_EXT_GUEST", "a run without host functions that calls one");
    }),
});

async function withHost(
  bench: Bench,
  options: Partial<ExtensionHostOptions>,
  use: (host: ExtensionHost) => Promise<void>,
): Promise<void> {
  const host = new ExtensionHost({ ...options, runtimes: [await bench.runtime()] });
  try {
    await use(host);
  } finally {
    await bench.answered(host.close({ abort: true }), "close({ abort: true }) of a host");
  }
}

/** Whether each run can have a state of its own. An engine that cannot give it one must say so. */
async function canBeApart(bench: Bench, host: ExtensionHost): Promise<boolean> {
  const echo = await sourceOf(bench, "echo", "echo");
  try {
    assert.equal(await bench.answered(host.run(echo, 1), "a run"), 1);
    return true;
  } catch (error) {
    expectCode(error, "ERR_EXT_UNSUPPORTED", "a run with a state of its own");
    return false;
  }
}

/** A guest's code by itself. */
async function sourceOf(
  bench: Bench,
  guest: string,
  fn: string,
): Promise<Pick<RunRequest, "runtime" | "source" | "fn">> {
  const { manifest, files } = await bench.guests.files(guest);
  const { runtime, module } = manifest as { runtime: string; module: string };
  return { runtime, source: files[module]!, fn };
}
