import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { ExtensionError, ExtensionFiles, ExtensionSource } from "extruntime";
import { CONTRACT_VERSION } from "extruntime";
import type { Bench } from "../../bench/bench.ts";
import { refusal } from "../../expect/expect.ts";
import type { Subject } from "../../facts/facts.ts";
import { BASIC_GUESTS } from "../../sources/guests.ts";
import type { Group, Test } from "../test.ts";

export function loadGroup(subject: Subject): Group {
  return {
    name: "manifest and load",
    promise: "contract",
    tests: [guestsAreThere(subject), ...loading, ...refused(subject), ...guestFaults(subject)],
  };
}

function guestsAreThere({ guests, traits, capabilities, language }: Subject): Test {
  return {
    name: "the guests that its capabilities call for are there",
    async run() {
      const needed: string[] = [...BASIC_GUESTS];
      if (traits.awaits) needed.push("async");
      if (capabilities.deadline !== false) needed.push("loop", "top-level-loop");
      if (capabilities.deadline !== false && traits.catches) needed.push("loop-catching");
      if (capabilities.deadline === "hard" && traits.builtins) needed.push("loop-native");
      if (capabilities.memoryLimit) needed.push("allocate");
      if (capabilities.parallel) needed.push("spin");
      if (capabilities.hostFunctions) needed.push("call-host");
      if (capabilities.freshCalls) needed.push("fresh");
      needed.push("top-level-throw", "language");
      const missing = needed.filter((name) => !guests.includes(name));
      assert.deepEqual(missing, [], `guests for ${language} are missing; docs/conformance.md says what they must do`);
    },
  };
}

const loading: readonly Test[] = [
  {
    name: "the runtime tells its name, its aliases and the contract's version",
    async run(bench) {
      const runtime = await bench.runtime();
      assert.match(runtime.name, /^[A-Za-z0-9_-]+$/);
      assert.equal(runtime.contractVersion, CONTRACT_VERSION);
      assert.ok(Array.isArray(runtime.aliases) && !runtime.aliases.includes(runtime.name));
    },
  },
  {
    name: "a module tells its name, version, runtime and exports, as the manifest does",
    async run(bench) {
      const module = await bench.loadWith("many", { name: "Told_1", version: "1.2.3-rc.1", exports: ["two", "one"] });
      assert.deepEqual([module.name, module.version, module.runtime], ["Told_1", "1.2.3-rc.1", bench.subject.runtime]);
      assert.deepEqual([module.exports, module.closed], [["two", "one"], false]);
      assert.deepEqual([await module.call("one"), await module.call("two")], [1, 2]);
    },
  },
  {
    name: "a module tells what holds for it: its manifest, its limits and what its engine promises where it is",
    async run(bench) {
      const runtime = await bench.runtime();
      const asked = { maxInstances: 2, maxQueue: 7, resultBytes: 5000 };
      const module = await bench.loadWith("echo", { limits: asked }, { limits: { maxQueue: 9 } }, runtime);
      const { manifest, limits, capabilities } = module;
      assert.deepEqual({ ...manifest.limits }, asked, "manifest.limits");
      assert.deepEqual([manifest.name, manifest.exports], [module.name, module.exports], "its manifest's");
      const { maxInstances, maxQueue, resultBytes, payloadBytes } = limits;
      assert.deepEqual({ maxInstances, maxQueue, resultBytes }, { ...asked, maxQueue: 9 }, "limits, the host's first");
      assert.ok(payloadBytes > 0, "a limit that nobody set has its default");
      assert.deepEqual({ ...capabilities }, { ...runtime.capabilitiesAt(module.placement) }, "capabilities");
      for (const [name, told] of Object.entries({ manifest, limits, capabilities, asked: manifest.limits }))
        assert.ok(Object.isFrozen(told), `${name} of a module can be changed`);
    },
  },
  {
    name: "a manifest without a version reads as 0.0.0",
    async run(bench) {
      const { manifest, files } = await bench.guests.files("echo");
      const { version: _, ...rest } = manifest as Record<string, unknown>;
      const module = await (await bench.runtime()).load({ manifest: JSON.stringify(rest), files });
      assert.equal(module.version, "0.0.0");
    },
  },
  {
    name: "a folder is loaded by its path, by its URL, and with its files in memory, all the same",
    async run(bench) {
      const runtime = await bench.runtime();
      const source = bench.guests.source("echo");
      const sources: ExtensionSource[] = [await bench.guests.files("echo"), source];
      if (typeof source === "string") sources.push(pathToFileURL(source));
      for (const each of sources) assert.deepEqual(await (await runtime.load(each)).call("echo", [1]), [1]);
    },
  },
  {
    name: "every alias will do in a manifest",
    async run(bench) {
      const runtime = await bench.runtime();
      for (const alias of runtime.aliases) {
        const module = await bench.loadWith("echo", { runtime: alias }, undefined, runtime);
        assert.deepEqual([module.runtime, await module.call("echo", alias)], [runtime.name, alias]);
      }
    },
  },
  {
    name: "twenty loads at a time",
    async run(bench) {
      const runtime = await bench.runtime();
      const modules = await Promise.all(Array.from({ length: 20 }, () => bench.load("counter", undefined, runtime)));
      assert.deepEqual(await Promise.all(modules.map((module) => module.call("next"))), Array(20).fill(1));
    },
  },
  {
    name: "a lazy load makes no instance until the first call",
    async run(bench) {
      const module = await bench.load("echo", { lazy: true });
      assert.equal(module.stats().instances, 0);
      assert.equal(await module.call("echo", 1), 1);
      assert.equal(module.stats().instances, 1);
    },
  },
];

function refused({ runtime: name }: Subject): Test[] {
  const manifest = { name: "wrong", runtime: name, module: "guest.txt", exports: ["run"] };
  const files = { "guest.txt": "" };
  const bad: readonly [string, ExtensionFiles][] = [
    ["is no JSON", { manifest: "{", files }],
    ["has an unknown key", { manifest: JSON.stringify({ ...manifest, exprots: [] }), files }],
    ["has no exports", { manifest: { ...manifest, exports: [] }, files }],
    ["names a module that is not there", { manifest: { ...manifest, module: "other.txt" }, files }],
    ["names a module outside of the folder", { manifest: { ...manifest, module: "../guest.txt" }, files }],
    ["names a module by an absolute path", { manifest: { ...manifest, module: "/etc/passwd" }, files }],
  ];
  return [
    ...bad.map(([what, source]) => ({
      name: `a manifest that ${what} is refused with ERR_EXT_BAD_MANIFEST`,
      run: async (bench: Bench) => {
        const runtime = await bench.runtime();
        await refusal(() => runtime.load(source), "ERR_EXT_BAD_MANIFEST", "load");
        // Beside a module, and after one that was closed, as well.
        const other = await bench.load("echo", { lazy: true }, runtime);
        await refusal(() => runtime.load(source), "ERR_EXT_BAD_MANIFEST", "load");
        await other.close();
        await refusal(() => runtime.load(source), "ERR_EXT_BAD_MANIFEST", "load");
      },
    })),
    {
      name: "a folder without a manifest is refused with ERR_EXT_NO_MANIFEST",
      run: async (bench) => {
        const folder = await mkdtemp(join(tmpdir(), "extruntime-conformance-"));
        try {
          await writeFile(join(folder, "guest.txt"), "");
          const runtime = await bench.runtime();
          await refusal(() => runtime.load(folder), "ERR_EXT_NO_MANIFEST", "load");
        } finally {
          await rm(folder, { recursive: true });
        }
      },
    },
    {
      name: "an extension of another runtime is refused with ERR_EXT_UNKNOWN_RUNTIME",
      run: async (bench) => {
        await refusal(() => bench.loadWith("echo", { runtime: "another" }), "ERR_EXT_UNKNOWN_RUNTIME", "load");
      },
    },
    {
      name: "a permission that nobody grants is refused with ERR_EXT_DENIED",
      run: async (bench) => {
        await refusal(() => bench.loadWith("echo", { permissions: ["launch_rockets"] }), "ERR_EXT_DENIED", "load");
      },
    },
  ];
}

/** Faults of the code: the load fails, and the runtime goes on. */
/** What is wrong is told in the message of the error, in the words of the guest's own, which it has too. */
function tellsMore({ message, guest }: ExtensionError): { readonly name: string } {
  assert.ok(
    guest !== undefined && guest.name !== "" && guest.message !== "",
    "the guest's error has no name or message",
  );
  assert.ok(message.includes(guest.message), `the error says ${message}, and the guest's own ${guest.message}`);
  return guest;
}

function guestFaults({ guests, language }: Subject): Test[] {
  // What these throw elsewhere is a trap, say, which each machine has its own name for.
  const interpreted = language === "javascript" || language === "python";
  const then = async (bench: Bench, load: (runtime: Awaited<ReturnType<Bench["runtime"]>>) => Promise<void>) => {
    const runtime = await bench.runtime();
    for (let i = 0; i < 3; i++) await load(runtime);
    assert.equal(
      await (await bench.load("echo", undefined, runtime)).call("echo", 1),
      1,
      "another load does not work afterwards",
    );
  };
  return [
    {
      name: "an export that the code does not define fails the load with ERR_EXT_UNKNOWN_FUNCTION, and its name",
      run: (bench) =>
        then(bench, async (runtime) => {
          const load = () => bench.loadWith("echo", { exports: ["echo", "absent"] }, undefined, runtime);
          const error = await refusal(load, "ERR_EXT_UNKNOWN_FUNCTION", "load");
          assert.match(error.message, /absent/);
        }),
    },
    {
      name: "code that is no code fails the load with ERR_EXT_GUEST",
      run: (bench) =>
        then(bench, async (runtime) => {
          const { manifest, files } = await bench.guests.files("echo");
          const { module = "" } = manifest as { module?: string };
          const load = () => runtime.load({ manifest, files: { ...files, [module]: ")(}{" } });
          const error = await refusal(load, "ERR_EXT_GUEST", "load");
          assert.ok(error.guest !== undefined && error.extension === "echo", "the error does not tell of the guest");
          const { name } = tellsMore(error);
          if (interpreted) assert.equal(name, "SyntaxError");
        }),
    },
    ...(guests.includes("top-level-throw")
      ? [
          {
            name: "code that throws at its top level fails the load with ERR_EXT_GUEST",
            run: (bench: Bench) =>
              then(bench, async (runtime) => {
                const load = () => bench.load("top-level-throw", undefined, runtime);
                const error = await refusal(load, "ERR_EXT_GUEST", "load");
                const { name } = tellsMore(error);
                if (interpreted) assert.equal(name, "TypeError");
              }),
          },
        ]
      : []),
  ];
}
