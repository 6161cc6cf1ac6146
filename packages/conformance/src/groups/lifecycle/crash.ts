import assert from "node:assert/strict";
import type { Module } from "extruntime";
import type { Bench } from "../../bench/bench.ts";
import { loadCaller } from "../../bench/host-caller.ts";
import { Neighbours } from "../../bench/neighbours.ts";
import { expectCode, refusal } from "../../expect/expect.ts";
import { descendants, kill } from "../../expect/processes.ts";
import type { Subject } from "../../facts/facts.ts";
import type { Group, Test } from "../test.ts";

/** Milliseconds in which a call that an engine runs again would call its host function again. */
const AGAIN_MS = 200;

/** `crashIsolation`: what kills the engine costs one call. Where it is `false` there is nothing to show. */
export function crashGroup(subject: Subject): Group {
  return {
    name: "a crash of the engine",
    promise: "crashIsolation",
    tests: subject.capabilities.crashIsolation ? declared(subject) : [],
  };
}

function declared(subject: Subject): Test[] {
  const { capabilities, guests } = subject;
  // A guest that could crash its engine would not be in a sandbox: there the process is killed from outside instead.
  const byGuest = !capabilities.hardSandbox && guests.includes("crash");
  const hosted = byGuest && capabilities.hostFunctions && guests.includes("crash-after-call");
  // In a process the modules of such an engine share nothing. Elsewhere what one process holds may end with it.
  const apart = hosted && subject.placement === "process";
  return [...(byGuest ? [crashing] : []), ...(hosted ? [once] : []), ...(apart ? [neighbours] : []), killed(byGuest)];
}

const crashing: Test = {
  name: "a guest that crashes its engine costs one ERR_EXT_CRASHED, ten times, and nothing else",
  async run(bench) {
    const runtime = await bench.runtime();
    const echo = await bench.load("echo", { limits: { maxInstances: 1 } }, runtime);
    const module = await bench.load("crash", { limits: { maxInstances: 1 } }, runtime);
    for (let i = 0; i < 10; i++) {
      await refusal(
        () => bench.answered(module.invoke("crash", "1"), "a call that crashes"),
        "ERR_EXT_CRASHED",
        "a guest that crashes its engine",
      );
      assert.equal(await bench.answered(echo.call("echo", i), "another module's call"), i);
    }
    const { crashes, instancesReplaced } = module.stats();
    assert.equal(crashes, 10, "crashes that stats count");
    assert.ok(instancesReplaced > 0, "stats count no instance that was replaced");
    assert.equal(echo.stats().crashes, 0, "crashes of a module that had no part in it");
  },
};

/** A call that crashed may have done something: it is for its caller to make it again. */
const once: Test = {
  name: "a guest that crashes its engine is not run again",
  async run(bench) {
    let calls = 0;
    const module = await loadCaller(bench, () => ++calls, { guest: "crash-after-call", limits: { maxInstances: 1 } });
    for (let i = 1; i <= 3; i++) {
      const crash = () => bench.answered(module.invoke("crash", "1"), "a call that crashes");
      await refusal(crash, "ERR_EXT_CRASHED", "a guest that crashes its engine");
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      assert.equal(calls, i, "a call that crashed was run again: its host function was called twice");
    }
  },
};

/** Of modules that had no part in it. */
const neighbours: Test = {
  name: "a guest that crashes its engine costs other modules no running call and no state",
  async run(bench) {
    const runtime = await bench.runtime();
    const neighbours = await Neighbours.make(bench, runtime);
    const options = { runtime, guest: "crash-after-call", limits: { maxInstances: 1 } };
    const module = await loadCaller(bench, () => null, options);
    for (let i = 0; i < 3; i++)
      await neighbours.beside(() => {
        const crash = () => bench.answered(module.invoke("crash", "1"), "a call that crashes");
        return refusal(crash, "ERR_EXT_CRASHED", "a guest that crashes its engine");
      });
  },
};

function killed(optional: boolean): Test {
  return {
    name: "a process of the engine that is killed from outside costs the calls in it, and nothing else",
    async run(bench) {
      const before = new Set(await descendants());
      const module = await bench.load("counter", { limits: { maxInstances: 1 } });
      assert.equal(await module.call("next"), 1);
      for (let i = 0; i < 5; i++) {
        const own = (await descendants()).filter((pid) => !before.has(pid));
        if (own.length === 0 && optional) return;
        assert.ok(
          own.length > 0,
          "crashIsolation is declared, and there is neither a process to kill nor a guest `crash` that can crash its engine",
        );
        kill(own);
        await outlived(bench, module);
      }
    },
  };
}

async function outlived(bench: Bench, module: Module): Promise<void> {
  // The call that finds its engine gone may fail; the one after it must not, and begins with a new instance.
  const first = await bench.answered(
    module.call("next").catch((error: unknown) => error),
    "the call after the crash",
  );
  if (typeof first !== "number") expectCode(first, "ERR_EXT_CRASHED", "the call after the crash");
  const next = await bench.answered(module.call<number>("next"), "the next call");
  assert.ok(next <= 2, "the instance is not a new one");
}
