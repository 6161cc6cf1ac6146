import assert from "node:assert/strict";
import type { Bench } from "../bench.ts";
import type { Subject } from "../facts.ts";
import { nativeAddonsLoaded } from "../processes.ts";
import type { Group } from "../test-list.ts";

const FLAGS = [
  "hardSandbox",
  "nativeAddon",
  "crashIsolation",
  "memoryLimit",
  "parallel",
  "sync",
  "hostFunctions",
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
