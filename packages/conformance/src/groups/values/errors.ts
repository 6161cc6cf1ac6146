import assert from "node:assert/strict";
import type { Module } from "extruntime";
import { ExtensionError } from "extruntime";
import type { Bench } from "../../bench/bench.ts";
import { refusal, show } from "../../expect/expect.ts";
import { type Subject, times } from "../../facts/facts.ts";
import type { Group, Test } from "../test.ts";
import { errorInFull } from "./error-in-full.ts";

const RECURSIONS = 50;

export function errorGroup(subject: Subject): Group {
  return {
    name: "errors",
    promise: "contract",
    tests: [
      thrown(subject),
      ...(subject.guests.includes("throw-more") ? [errorInFull(subject)] : []),
      ...(subject.traits.awaits ? [rejected(subject)] : []),
      often,
      unknown,
      recursion(subject),
    ],
  };
}

function thrown(subject: Subject): Test {
  return {
    name: "what a guest throws is ERR_EXT_GUEST with the guest's own name, message and stack",
    async run(bench) {
      const module = await bench.load("throw");
      const ways = [
        () => module.call("fail", "this"),
        ...(subject.capabilities.sync ? [() => module.invokeSync("fail", '"this"')] : []),
      ];
      for (const way of ways) await expectThrown(way, module, "fail", subject, "throw");
    },
  };
}

function rejected(subject: Subject): Test {
  return {
    name: "what an asynchronous guest throws is ERR_EXT_GUEST too",
    async run(bench) {
      const module = await bench.load("async");
      assert.equal(await bench.answered(module.call("later", 7), "a guest that answers later"), 7);
      await expectThrown(
        () => bench.answered(module.call("reject", "this"), "a guest that rejects"),
        module,
        "reject",
        subject,
        "async",
      );
      assert.equal(await module.call("later", 8), 8);
    },
  };
}

async function expectThrown(
  way: () => unknown,
  module: Module,
  fn: string,
  { traits }: Subject,
  guest: string,
): Promise<void> {
  const error = await refusal(way, "ERR_EXT_GUEST", "the call");
  assert.ok(error instanceof Error && error instanceof ExtensionError, "it is no Error");
  assert.deepEqual([error.extension, error.function], [module.name, fn], "it must name the extension and the function");
  assert.ok(error.guest !== undefined, "it must have what the guest threw, as `guest`");
  const { name, message, stack } = error.guest;
  assert.match(message, /refused: /, `the guest's message is lost: ${show(message)}`);
  assert.match(message, /this/, `the guest's message is lost: ${show(message)}`);
  assert.ok(error.message.includes("refused: "), `the error's message must have the guest's: ${show(error.message)}`);
  if (!traits.stacks) return;
  assert.equal(name, "TypeError", "the name of the guest's error is lost");
  // File name, then a line: `guest.js:2` or `guest.py", line 2`.
  assert.match(
    stack,
    /guest[.\w]*\W[^\n]*\d/,
    `the stack of ${guest} must have the guest's file and line, and is ${show(stack)}`,
  );
}

const often: Test = {
  name: "a guest that throws a thousand times works on, and its instance with it",
  async run(bench) {
    const module = await bench.load("throw", { limits: { maxInstances: 1 } });
    for (let i = 0; i < 1000; i++) await refusal(() => module.call("fail", i), "ERR_EXT_GUEST", `call ${i}`);
    const { calls, failures } = module.stats();
    assert.deepEqual([calls, failures], [1000, 1000], "stats must count the calls and the failures");
  },
};

const NEVER_EXPORTED = [
  "absent",
  "",
  "constructor",
  "__proto__",
  "toString",
  "valueOf",
  "hasOwnProperty",
  "then",
  "__base_alloc",
  "_start",
  "memory",
  "eval",
  "print",
  "os",
  "two",
];

const unknown: Test = {
  name: "a function that the manifest does not export is ERR_EXT_UNKNOWN_FUNCTION, defined or not",
  async run(bench) {
    const module = await bench.loadWith("many", { exports: ["one"] });
    for (const name of NEVER_EXPORTED) {
      const error = await refusal(
        () => module.invoke(name, "null"),
        "ERR_EXT_UNKNOWN_FUNCTION",
        `calling ${show(name)}`,
      );
      assert.equal(error.extension, module.name);
      if (bench.subject.capabilities.sync)
        await refusal(() => module.invokeSync(name, "null"), "ERR_EXT_UNKNOWN_FUNCTION", `calling ${show(name)}`);
    }
    assert.equal(await module.call("one"), 1);
  },
};

/** Where nothing guards the host from its guest, the end of the stack may be the host's. */
function recursion(subject: Subject): Test {
  const { capabilities } = subject;
  const count = times(RECURSIONS, subject);
  const bounded = capabilities.hardSandbox || capabilities.deadline !== false;
  const codes = ["ERR_EXT_GUEST", "ERR_EXT_MEMORY", "ERR_EXT_TIMEOUT"] as const;
  const limits = capabilities.deadline === false ? {} : { limits: { timeoutMs: 5_000, loadTimeoutMs: 5_000 } };
  return {
    name: bounded
      ? `endless recursion ends with an error of the contract, ${count === RECURSIONS ? "fifty" : count} times, and the module works on`
      : "an ordinary depth of calls works",
    async run(bench: Bench) {
      const echo = await bench.load("echo");
      if (bounded) {
        const module = await bench.load("recurse", limits);
        for (let i = 0; i < count; i++)
          await refusal(
            () => bench.answered(module.call("recurse", 0), "endless recursion"),
            codes,
            "endless recursion",
          );
      }
      assert.equal(await echo.call("echo", 1), 1);
    },
  };
}
