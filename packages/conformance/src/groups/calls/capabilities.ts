import assert from "node:assert/strict";
import type { Placement, Runtime } from "extruntime";
import type { Bench } from "../../bench/bench.ts";
import { expectCode, refusal } from "../../expect/expect.ts";
import { nativeAddonsLoaded } from "../../expect/processes.ts";
import type { Subject } from "../../facts/facts.ts";
import { HOST_FUNCTION } from "../../sources/kit-guest.ts";
import type { Group } from "../test.ts";

const FLAGS = [
  "hardSandbox",
  "nativeAddon",
  "crashIsolation",
  "memoryLimit",
  "parallel",
  "sync",
  "hostFunctions",
  "freshCalls",
] as const;

/** What is declared is of the right form, and what can be seen of it by looking is so. */
export function capabilityGroup(subject: Subject): Group {
  const { capabilities, language } = subject;
  return {
    name: "the declared capabilities",
    promise: "languages",
    tests: [
      {
        promise: "contract",
        name: "every one is declared, as the contract has it, and cannot be changed",
        async run(bench) {
          const { capabilities } = await bench.runtime();
          for (const flag of FLAGS) assert.equal(typeof capabilities[flag], "boolean", `${flag} must be true or false`);
          for (const stop of ["deadline", "signal"] as const)
            assert.ok(
              [false, "interpreted", "hard"].includes(capabilities[stop]),
              `${stop} must be false, interpreted or hard`,
            );
          assert.ok(Object.isFrozen(capabilities), "the capabilities can be changed");
          assert.deepEqual(
            { ...capabilities },
            subject.capabilities,
            "two runtimes of one setup declare different things",
          );
        },
      },
      {
        name: "languages names at least one language, in lower case",
        async run() {
          const { languages } = capabilities;
          assert.ok(Array.isArray(languages) && languages.length > 0, "it names none");
          for (const each of languages) assert.match(each, /^[a-z][a-z0-9+#-]*$/);
        },
      },
      {
        name: `it runs ${language}`,
        async run(bench) {
          const module = await bench.load("language");
          assert.equal(await module.call("run", ["a", "b", "a"]), "a! b!");
        },
      },
      { promise: "contract", shares: true, ...elsewhere },
      {
        promise: "nativeAddon",
        name: capabilities.nativeAddon ? "nativeAddon: an addon was loaded" : "nativeAddon: no addon was loaded",
        run: (bench: Bench) => addons(bench, capabilities.nativeAddon),
      },
    ],
  };
}

async function addons(bench: Bench, expected: boolean): Promise<void> {
  const module = await bench.load("echo");
  assert.equal(await module.call("echo", 1), 1);
  const loaded = await nativeAddonsLoaded();
  if (expected) assert.ok(loaded.length > 0, "nativeAddon is declared, and no process of the engine has loaded one");
  else assert.deepEqual(loaded, [], "nativeAddon is false, and these were loaded");
}

const PLACEMENTS = ["inline", "thread", "process"] as const;
const TIMEOUT_MS = 60_000;

/** Some of it can be seen from the outside: what is refused, and what is taken. */
const elsewhere = {
  name: "capabilitiesAt says what holds at its own placement and at farther ones, and what is refused there",
  async run(bench: Bench) {
    const runtime = await bench.runtime();
    assert.deepEqual(
      { ...runtime.capabilitiesAt(runtime.placement) },
      { ...runtime.capabilities },
      "capabilitiesAt says of the runtime's own placement what its capabilities do not",
    );
    for (const placement of PLACEMENTS.slice(PLACEMENTS.indexOf(runtime.placement))) {
      const capabilities = attempt(() => runtime.capabilitiesAt(placement));
      const load = (limits = {}) => bench.load("echo", { placement, limits }, runtime);
      if (capabilities === undefined) {
        await refusal(() => load(), "ERR_EXT_UNSUPPORTED", `a load at the placement ${placement}`);
        continue;
      }
      assert.ok(Object.isFrozen(capabilities), "what capabilitiesAt gives can be changed");
      const module = await bench.answered(load(), "load");
      assert.equal(module.placement, placement, "the module is placed elsewhere than it was asked to be");
      const taken: Record<string, () => unknown> = {
        deadline: () => module.invoke("echo", "1", { timeoutMs: TIMEOUT_MS }),
        signal: () => module.invoke("echo", "1", { signal: new AbortController().signal }),
        sync: async () => module.invokeSync("echo", "1"),
        memoryLimit: async () => (await load({ memoryMb: 256 })).invoke("echo", "1"),
        hostFunctions: () => callsHost(bench, runtime, placement),
        freshCalls: async () => (await load({ fresh: "call" })).invoke("echo", "1"),
      };
      for (const [name, call] of Object.entries(taken)) {
        if (capabilities[name as keyof typeof capabilities] === false)
          await refusal(call, "ERR_EXT_UNSUPPORTED", `${name}, which is not declared at ${placement},`);
        else assert.equal(await call(), "1", `${name} is declared at ${placement}`);
      }
    }
  },
};

/** Of a guest that asks for a host function there. */
async function callsHost(bench: Bench, runtime: Runtime, placement: Placement): Promise<string> {
  const guest = bench.has("call-host") ? "call-host" : "echo";
  const options = { placement, hostFunctions: { [HOST_FUNCTION]: (value: unknown) => value } };
  const module = await bench.loadWith(guest, { permissions: [HOST_FUNCTION] }, options, runtime);
  return bench.answered(module.invoke(module.exports[0]!, "1"), "a guest that calls the host");
}

/** `undefined` where it throws: the engine cannot be placed there. */
function attempt<Value>(action: () => Value): Value | undefined {
  try {
    return action();
  } catch (error) {
    expectCode(error, "ERR_EXT_UNSUPPORTED", "capabilitiesAt");
    return undefined;
  }
}
