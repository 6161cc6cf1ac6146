import assert from "node:assert/strict";
import type { Runtime } from "extruntime";
import { ExtensionError } from "extruntime";
import type * as FastCheck from "fast-check";
import type { Bench } from "../../bench/bench.ts";
import { loadCaller } from "../../bench/host-caller.ts";
import { parsed, sameJson, show } from "../../expect/expect.ts";
import { hasOwnProcesses, type Subject } from "../../facts/facts.ts";
import type { Group, Test } from "../test.ts";

const VALUES = 300;
const PAYLOADS = 300;
const MODULES = 150;
/** Where each of them starts a process. */
const MODULES_OF_PROCESSES = 40;

/** Milliseconds for the top level of a module of arbitrary bytes. */
const TOP_LEVEL_MS = 1_000;

export function propertyGroup(subject: Subject): Group {
  return {
    name: "properties",
    promise: "contract",
    tests: [
      values,
      payloads(subject),
      ...(subject.capabilities.hostFunctions ? [hostValues] : []),
      modules,
      ...(subject.capabilities.hardSandbox ? [changedModules(subject)] : []),
    ],
  };
}

const values: Test = {
  name: "any JSON value goes through echo and comes back equal",
  async run(bench) {
    const fc = await fastCheck();
    const module = await bench.load("echo");
    await check(fc, fc.jsonValue({ maxDepth: 6 }), VALUES, async (value) => {
      // Through JSON first: it has no -0, and turns what is no JSON into what is.
      const sent = JSON.stringify(value);
      const back = parsed(await module.invoke("echo", sent), "the echo");
      assert.ok(sameJson(back, JSON.parse(sent)), `${sent} came back as ${show(back)}`);
    });
  },
};

function payloads({ traits }: Subject): Test {
  return {
    name: "any text as a payload gives JSON or an error of the contract",
    async run(bench) {
      const fc = await fastCheck();
      const module = await bench.load("echo");
      const cut = fc
        .tuple(fc.json(), fc.nat(), fc.string({ unit: "binary" }))
        .map(([text, at, other]) => text.slice(0, at % (text.length + 1)) + other);
      await check(
        fc,
        fc.oneof(fc.string({ unit: "binary" }), fc.string(), cut, fc.json()),
        PAYLOADS,
        async (payload) => {
          const answer = await module.invoke("echo", payload).catch((error: unknown) => error);
          if (typeof answer !== "string") {
            assert.ok(ExtensionError.is(answer) && answer.code !== "ERR_EXT_CRASHED", `it failed with ${show(answer)}`);
            assert.ok(
              !isJson(payload) || answer.code === "ERR_EXT_BAD_RESULT",
              `JSON was refused with ${show(answer)}`,
            );
          } else if (traits.values) {
            assert.ok(isJson(payload), `what is not JSON gave ${show(answer)}`);
            parsed(answer, "the echo");
          }
        },
      );
      assert.equal(await module.call("echo", 1), 1, "the module does not work afterwards");
    },
  };
}

const hostValues: Test = {
  name: "any JSON value reaches host functions, and comes back from them, equal",
  promise: "hostFunctions",
  async run(bench) {
    const fc = await fastCheck();
    let given: unknown;
    let answer: unknown;
    const module = await loadCaller(bench, (value) => {
      given = value;
      return answer;
    });
    const pairs = fc.tuple(fc.jsonValue({ maxDepth: 6 }), fc.jsonValue({ maxDepth: 6 }));
    await check(fc, pairs, VALUES, async (pair) => {
      const [sent, wanted] = pair.map((value) => JSON.stringify(value)) as [string, string];
      answer = pair[1];
      const back = parsed(await module.invoke("call", sent), "the answer");
      assert.ok(sameJson(given, JSON.parse(sent)), `${sent} reached the host function as ${show(given)}`);
      assert.ok(sameJson(back, JSON.parse(wanted)), `the answer ${wanted} came back as ${show(back)}`);
    });
  },
};

const modules: Test = {
  name: "any bytes as a module fail the load or are a module, and the host lives",
  async run(bench) {
    const fc = await fastCheck();
    const runtime = await bench.runtime();
    const count = hasOwnProcesses(bench.subject) ? MODULES_OF_PROCESSES : MODULES;
    await check(fc, fc.oneof(fc.uint8Array({ maxLength: 300 }), headed(fc)), count, (bytes) =>
      loadBytes(bench, runtime, bytes),
    );
    await worksOn(bench, runtime);
  },
};

/** A good module with a few bytes changed gets farther than arbitrary bytes do. It is not called, since it may do anything that a guest may. */
function changedModules({ capabilities }: Subject): Test {
  return {
    name: "a module with bytes changed fails the load or is a module, and the host lives",
    async run(bench) {
      const fc = await fastCheck();
      const runtime = await bench.runtime();
      const { manifest, files } = await bench.guests.files("echo");
      const good = Buffer.from(files[(manifest as { module: string }).module]!);
      const changes = fc.array(fc.tuple(fc.nat({ max: good.length - 1 }), fc.integer({ min: 0, max: 255 })), {
        minLength: 1,
        maxLength: 8,
      });
      await check(fc, changes, MODULES, async (list) => {
        const bytes = Buffer.from(good);
        for (const [at, byte] of list) bytes[at] = byte;
        // Where nothing can stop a guest, its top level must not run either.
        await loadBytes(bench, runtime, bytes, capabilities.deadline === false);
      });
      await worksOn(bench, runtime);
    },
  };
}

async function loadBytes(bench: Bench, runtime: Runtime, bytes: Uint8Array, lazy = false): Promise<void> {
  const { manifest, files } = await bench.guests.files("echo");
  const { module = "" } = manifest as { module?: string };
  const limits =
    bench.subject.capabilities.deadline === false
      ? {}
      : { limits: { timeoutMs: TOP_LEVEL_MS, loadTimeoutMs: TOP_LEVEL_MS } };
  try {
    const loaded = await bench.answered(
      runtime.load({ manifest, files: { ...files, [module]: bytes } }, { lazy, ...limits }),
      "load",
    );
    await loaded.close();
  } catch (error) {
    assert.ok(ExtensionError.is(error), `load failed with ${show(error)}`);
    assert.notEqual(error.code, "ERR_EXT_CRASHED", `load crashed the engine: ${error.message}`);
  }
}

async function worksOn(bench: Bench, runtime: Runtime): Promise<void> {
  assert.equal(
    await (await bench.load("echo", undefined, runtime)).call("echo", 1),
    1,
    "the runtime does not work afterwards",
  );
}

/** Bytes that begin as a WebAssembly module does. */
function headed(fc: typeof FastCheck): FastCheck.Arbitrary<Uint8Array> {
  const section = fc.tuple(fc.integer({ min: 0, max: 13 }), fc.uint8Array({ maxLength: 60 }));
  return fc
    .array(section, { maxLength: 6 })
    .map((sections) =>
      Uint8Array.from([
        0,
        0x61,
        0x73,
        0x6d,
        1,
        0,
        0,
        0,
        ...sections.flatMap(([id, body]) => [id, body.length, ...body]),
      ]),
    );
}

/** The seed and the path of a failure are in its message; the environment variable `EXTRUNTIME_CONFORMANCE_SEED` has it tried again. */
async function check<Value>(
  fc: typeof FastCheck,
  arbitrary: FastCheck.Arbitrary<Value>,
  numRuns: number,
  holds: (value: Value) => Promise<void>,
): Promise<void> {
  const seed = Number(process.env.EXTRUNTIME_CONFORMANCE_SEED);
  await fc.assert(fc.asyncProperty(arbitrary, holds), {
    numRuns,
    ...(Number.isInteger(seed) && seed !== 0 ? { seed } : {}),
  });
}

/** An optional peer dependency of the package, since hosts have no use for it. */
async function fastCheck(): Promise<typeof FastCheck> {
  try {
    return await import("fast-check");
  } catch (cause) {
    throw new Error("the conformance kit needs fast-check for its property tests: npm install --save-dev fast-check", {
      cause,
    });
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
