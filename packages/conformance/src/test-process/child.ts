import { Worker } from "node:worker_threads";
import { Bench } from "../bench/bench.ts";
import { importEngine } from "../facts/engine-module.ts";
import { findFacts, type Known } from "../facts/find-facts.ts";
import type { Plan } from "../setup/setup.ts";
import { type ListedTest, listTests } from "../suite/test-list.ts";
import type { ChildMessage, FailureText, RunMessage } from "./messages.ts";
import { SharedRuntime } from "./shared-runtime.ts";

/**
 * The process in which the tests run: `child-process.ts` starts it with a plan, and tells it which test to run, one at a
 * time. A guest that hangs or crashes costs this process and not the one that runs the test framework.
 */

/** File descriptor of the pipe that ends with the parent. */
const LIFELINE = 4;

const send = (message: ChildMessage) => process.send?.(message);
const watchdog = new Worker(new URL("./watchdog.js", import.meta.url), { workerData: LIFELINE });
watchdog.unref();
process.on("disconnect", () => process.exit());
await start(JSON.parse(process.argv[2] ?? "") as Plan).catch((error: unknown) => send({ broken: describe(error) }));

async function start(plan: Plan): Promise<void> {
  const create = await importEngine(plan);
  const known = await findFacts(plan, create);
  const tests = new Map(listTests(known.facts).flatMap(({ tests }) => tests.map((test) => [test.id, test] as const)));
  const shared = new SharedRuntime(create);
  process.on("message", async ({ run }: RunMessage) => {
    const failure = await outcome(tests.get(run)!, known, plan, create, shared);
    send({ done: run, failure });
  });
  send({ ready: known.facts });
}

async function outcome(
  test: ListedTest,
  known: Known,
  plan: Plan,
  create: Awaited<ReturnType<typeof importEngine>>,
  shared: SharedRuntime,
): Promise<FailureText | undefined> {
  const { subject } = test;
  const bench = new Bench({
    create,
    shared: test.shares === true ? shared.get : undefined,
    engine: plan.engine,
    subject,
    guests: known.guests.get(subject.language)!,
    validate: known.validate,
    escapes: known.escapes.get(subject.language) ?? [],
    names: plan.names,
    patienceMs: plan.patienceMs * (test.patience ?? 1),
  });
  let failure: FailureText | undefined;
  try {
    if (test.shares !== true) await bench.answered(shared.close(), "close({ abort: true }) of the tests' before it");
    await test.run(bench);
  } catch (error) {
    failure = describe(error);
  }
  try {
    await bench.cleanUp();
  } catch (error) {
    failure ??= describe(error);
  }
  return failure;
}

function describe(error: unknown): FailureText {
  if (!(error instanceof Error)) return { message: String(error), stack: "" };
  const cause = error.cause instanceof Error ? `\n${error.cause.message}` : "";
  return { message: `${error.message}${cause}`, stack: `${error.stack ?? ""}${cause}` };
}
