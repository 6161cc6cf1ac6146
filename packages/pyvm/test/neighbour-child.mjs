// Scenarios for neighbour.test.ts, each in a process of its own.
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { pyvm } from "@extruntime/pyvm";

const shared = process.env.PYVM_TEST_SHARED === "1" ? { python: { interpreter: "shared" } } : {};

function load(source, options = {}, runtime = pyvm(options)) {
  const { hostFunctions = {} } = options;
  const manifest = {
    name: "guest",
    runtime: "pyvm",
    module: "guest.py",
    exports: ["f"],
    limits: { maxInstances: 1 },
    permissions: Object.keys(hostFunctions),
    ...shared,
  };
  return runtime.load({ manifest, files: { "guest.py": source } }, { hostFunctions });
}

const one = "def f(v): return 1";
const spin = "def f(v):\n  while True: pass";
const sleep = "import time\ndef f(v): time.sleep(v)";
const asking = "import extruntime\ndef f(v): return extruntime.call(*v)";
/** It takes no for an answer, whatever it is told. */
const insisting =
  "import extruntime\ndef f(v):\n  while True:\n    try: extruntime.call(*v)\n    except BaseException: pass";
const never = () => new Promise(() => {});

function worker(scenario, options = {}) {
  return new Worker(fileURLToPath(import.meta.url), { workerData: scenario, ...options });
}

async function answerOf(thread) {
  // Both at once: a thread that ends quickly tells both in the same turn.
  const [[message]] = await Promise.all([once(thread, "message"), once(thread, "exit")]);
  return message;
}

const scenarios = {
  async closed() {
    const module = await load(one);
    await module.invoke("f", "1");
    await module.close();
    console.log("closed");
  },
  async idle() {
    const module = await load(one);
    await module.invoke("f", "1");
    module.invokeSync("f", "1");
    console.log("idle");
  },
  async exit() {
    const module = await load(spin);
    for (let i = 0; i < 50; i++) module.invoke("f", "1");
    setTimeout(() => {
      console.log("exiting");
      process.exit(0);
    }, 50);
  },
  async "exit-stuck"() {
    const module = await load(sleep);
    module.invoke("f", "3600");
    setTimeout(() => {
      console.log("exiting");
      process.exit(0);
    }, 50);
  },
  async "exit-waiting"() {
    const module = await load(insisting, { hostFunctions: { never } });
    module.invoke("f", '["never"]');
    setTimeout(() => {
      console.log("exiting");
      process.exit(0);
    }, 50);
  },
  async "exit-in-host-function"() {
    const module = await load(asking, { hostFunctions: { exit: () => process.exit(7) } });
    if (process.argv[3] === "sync") module.invokeSync("f", '["exit"]');
    else await module.invoke("f", '["exit"]');
  },
  async "given-up"() {
    const module = await load(sleep);
    await module.invoke("f", "3600", { timeoutMs: 30 }).catch((error) => console.log(error.code));
  },
  async wait() {
    const module = await load(spin);
    module.invoke("f", "1");
    console.log("running");
  },
  async handler() {
    process.on("SIGINT", () => process.exit(42));
    const module = await load(spin);
    module.invoke("f", "1");
    console.log("running");
  },
  async workers() {
    const answers = [];
    for (let i = 0; i < 4; i++) answers.push(await answerOf(worker("in-worker")));
    answers.push(...(await Promise.all([1, 2, 3, 4].map(() => answerOf(worker("in-worker"))))));
    console.log(answers.join(" "));
  },
  async terminate() {
    for (let i = 0; i < 4; i++) {
      const thread = worker("in-worker-spin");
      await once(thread, "message");
      await thread.terminate();
    }
    for (const [scenario, stackSizeMb] of [
      ["in-worker-waiting", 4],
      ["in-worker-insisting", 4],
      ["in-worker-insisting", 32],
    ]) {
      const thread = worker(scenario, { resourceLimits: { stackSizeMb } });
      await once(thread, "message");
      await thread.terminate();
    }
    const module = await load("def f(v): return v + 1");
    console.log("survived", await module.invoke("f", "1"));
    await module.close();
  },
  async "small-stack"() {
    console.log(await answerOf(worker("in-small-stack")));
  },
  async "worker-only"() {
    const first = await answerOf(worker("in-worker"));
    await new Promise(setImmediate);
    console.log(first, await answerOf(worker("in-worker")));
  },
  async environment(options = {}) {
    const source =
      "import sys\ndef f(v): return {'path': '/somewhere/else' in sys.path, 'optimize': sys.flags.optimize}";
    const module = await load(source, options);
    console.log(await module.invoke("f", "1"));
    await module.close();
  },
  "environment-asked": () => scenarios.environment({ environment: true }),
  async variables() {
    const source = `
import os, subprocess
def f(v):
    child = subprocess.run(["sh", "-c", "echo $PYVM_TEST_OTHER"], capture_output=True, text=True).stdout.strip()
    return [os.environ.get(each) for each in ("PYVM_TEST_VARIABLE", "PYVM_TEST_LATER")] + [child]
`;
    const first = await load(source);
    const told = [await first.call("f")];
    // As many as move the array that the C library keeps.
    for (let i = 0; i < 200; i++) process.env[`PYVM_TEST_MORE_${i}`] = "x";
    process.env.PYVM_TEST_LATER = "later";
    for (let i = 0; i < 3; i++) {
      const module = await load(source);
      told.push(await module.call("f"));
      await module.close();
    }
    await first.close();
    console.log(JSON.stringify(told));
  },
  async second() {
    await (await load(one)).close();
    await load(one, { environment: true }).catch((error) => console.log(error.code, error.message.split("\n")[0]));
  },
  // In worker threads.
  async "in-worker"() {
    const module = await load(one);
    const answer = Number(await module.invoke("f", "1"));
    if (module.invokeSync("f", "1") !== "1") throw new Error("not the same answer");
    parentPort.postMessage(answer);
    await module.close();
  },
  async "in-worker-spin"() {
    const module = await load(spin);
    for (let i = 0; i < 50; i++) module.invoke("f", "1");
    await new Promise(setImmediate);
    parentPort.postMessage("running");
  },
  async "in-worker-waiting"() {
    const { port1, port2 } = new MessageChannel();
    const asked = () => {
      port2.postMessage("asked");
      return never();
    };
    const module = await load(insisting, { hostFunctions: { asked } });
    module.invoke("f", '["asked"]');
    await once(port1, "message");
    parentPort.postMessage("waiting");
  },
  async "in-worker-insisting"() {
    let times = 0;
    const ask = () => {
      if (++times === 1000) parentPort.postMessage("insisting");
    };
    const module = await load(insisting, { hostFunctions: { ask } });
    module.invokeSync("f", '["ask"]');
  },
  async "in-small-stack"() {
    const module = await load(
      "import json\ndef f(v):\n  try: return json.loads('[' * 1000000)\n  except RecursionError as e: return type(e).__name__",
    );
    const within = { call: (value) => JSON.parse(inner.invokeSync("f", JSON.stringify(["echo", value]))) };
    const inner = await load(asking, { hostFunctions: { echo: (value) => value } });
    const outer = await load(asking, { hostFunctions: within });
    const called = outer.invokeSync("f", '["call", {"é": 1}]');
    const stubborn = await load(insisting, { hostFunctions: { echo: () => 1 } });
    let code;
    try {
      stubborn.invokeSync("f", '["echo"]', { timeoutMs: 30 });
    } catch (error) {
      code = error.code;
    }
    parentPort.postMessage(`${JSON.parse(module.invokeSync("f", "1"))} ${called} ${code}`);
    await Promise.all([module, inner, outer, stubborn].map((each) => each.close()));
  },
};

await scenarios[isMainThread ? process.argv[2] : workerData]();
