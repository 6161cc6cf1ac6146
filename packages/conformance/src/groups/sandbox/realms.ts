import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { Module, Runtime } from "extruntime";
import type { Bench } from "../../bench/bench.ts";
import { refusal, show } from "../../expect/expect.ts";
import type { Subject } from "../../facts/facts.ts";
import { javascript } from "../../sources/javascript.ts";
import { realmGuest } from "../../sources/javascript-realm.ts";
import { HOST_FUNCTION } from "../../sources/kit-guest.ts";
import type { Test } from "../test.ts";

/** Modules loaded at a time: an engine may have a store of realms, and give the last ones what it gave the first. */
const MODULES = 12;

/** A sandbox keeps its guests apart from each other, too: what one does to its globals and built-ins no other sees. */
export function realmTests({ language, capabilities, traits }: Subject): Test[] {
  if (language !== "javascript") return [];
  const sharing = [apart, tampering, ownFiles, ...(capabilities.hostFunctions && traits.awaits ? [instances] : [])];
  // First the one that has the shared runtime closed.
  return [otherRuntime, ...sharing.map((test) => ({ ...test, shares: true }))];
}

let count = 0;

/** Times that marks may be lost. */
const MARKINGS = 5;

/** Of a name of its own, since an engine may keep things by it. */
function load(bench: Bench, runtime: Runtime, options: { logger?: (line: string) => void; pool?: number } = {}) {
  const { logger, pool = 1 } = options;
  const permissions = bench.subject.capabilities.hostFunctions ? [HOST_FUNCTION] : [];
  const { manifest, files } = bench.extension(realmGuest(), `realm-${++count}`);
  const line = logger && ((message: string) => logger(message));
  return bench.loadSource(
    { manifest: { ...manifest, permissions }, files },
    {
      limits: { maxInstances: pool },
      logger: line && { debug: line, info: line, warn: line, error: line },
      hostFunctions: permissions.length > 0 ? { [HOST_FUNCTION]: (value: unknown) => value } : undefined,
    },
    runtime,
  );
}

async function mark(bench: Bench, module: Module, tag: string): Promise<void> {
  const marked = await bench.answered(module.call<number>("mark", tag), "a guest that marks its realm");
  assert.ok(marked > 500, `the guest could mark ${marked} objects of its realm, which has many more`);
}

/** On a very busy machine an engine may take a worker for held and give the module another instance, which has no marks yet. */
async function markToLast(bench: Bench, module: Module, tag: string): Promise<void> {
  for (let i = 0; i < MARKINGS; i++) {
    await mark(bench, module, tag);
    if ((await module.call<string[]>("look", tag)).length > 500) return;
  }
  assert.fail(`the marks are lost, ${MARKINGS} times, so nothing is shown`);
}

async function expectUnmarked(bench: Bench, module: Module, tag: string, who: string): Promise<void> {
  const found = await bench.answered(module.call<string[]>("look", tag), "a guest that looks at its realm");
  assert.deepEqual(found.slice(0, 5), [], `${who} shares ${found.length} objects with the module that marked them`);
}

const apart: Test = {
  name: "two modules share no global, no built-in and no prototype, before, after and once one is closed",
  async run(bench) {
    const runtime = await bench.runtime();
    const before = await load(bench, runtime);
    const marking = await load(bench, runtime);
    await markToLast(bench, marking, "first");
    await expectUnmarked(bench, before, "first", "a module loaded before");
    for (let i = 0; i < MODULES; i++)
      await expectUnmarked(bench, await load(bench, runtime), "first", `module ${i + 1} loaded after`);
    await marking.close();
    await expectUnmarked(bench, await load(bench, runtime), "first", "a module loaded once the other is closed");
    await expectUnmarked(bench, before, "first", "a module loaded before");
  },
};

const otherRuntime: Test = {
  name: "two runtimes share no global, no built-in and no prototype",
  async run(bench) {
    const [first, second] = [await bench.runtime(), await bench.runtime()];
    await mark(bench, await load(bench, first), "runtime");
    await expectUnmarked(bench, await load(bench, second), "runtime", "a module of another runtime");
    await first.close();
    await expectUnmarked(bench, await load(bench, second), "runtime", "a module of another runtime");
  },
};

const instances: Test = {
  name: "two instances of one module share no global, no built-in and no prototype",
  async run(bench) {
    const runtime = await bench.runtime();
    let answer = (_: unknown): void => {};
    const asked = deferred();
    const { manifest, files } = bench.extension(realmGuest(), "realm-instances");
    const module = await bench.loadSource(
      { manifest: { ...manifest, permissions: [HOST_FUNCTION] }, files },
      {
        limits: { maxInstances: 2 },
        hostFunctions: {
          [HOST_FUNCTION]: () => {
            asked.resolve();
            return new Promise((resolve) => {
              answer = resolve;
            });
          },
        },
      },
      runtime,
    );
    const held = module.call("hold", "instance");
    await bench.answered(Promise.race([asked.promise, held]), "a guest that waits for the host");
    await expectUnmarked(bench, module, "instance", "the other instance");
    answer("done");
    assert.equal(await bench.answered(held, "the guest that waited"), "done");
  },
};

const tampering: Test = {
  name: "a module that replaces every built-in hears nothing of another one, and changes nothing that it computes",
  async run(bench) {
    const runtime = await bench.runtime();
    const secret = `secret-${randomBytes(6).toString("hex")}`;
    const lines: string[] = [];
    const logger = (line: string) => void lines.push(line);
    const victim = await load(bench, runtime, { logger });
    const work = async (module: Module) => {
      lines.length = 0;
      const answer = await bench.answered(module.call("work", secret), "a guest that computes");
      assert.deepEqual(lines, [`worked with ${secret}`], "what the guest printed must arrive as it printed it");
      return answer;
    };
    const expected = await work(victim);
    assert.equal((expected as { later: string }).later, `a!|b!|${secret}!`, "the guest computes wrongly by itself");
    const tamperer = await load(bench, runtime);
    for (const how of ["spy", "forge"]) {
      await bench
        .answered(tamperer.invoke(how, "null"), `a guest that replaces its built-ins (${how})`)
        .catch(() => {});
      assert.deepEqual(await work(victim), expected, `another module computes otherwise (${how})`);
      const after = await load(bench, runtime, { logger });
      assert.deepEqual(await work(after), expected, `a module loaded afterwards computes otherwise (${how})`);
      if (how === "forge") continue;
      const heard = await bench.answered(tamperer.call<string>("heard"), "the guest that listens");
      assert.ok(!heard.includes(secret), "the module heard what another one computes with");
      for (const name of [victim.name, after.name])
        assert.ok(!heard.includes(name), `the module heard of another one: ${name}`);
    }
  },
};

/** Two extensions have a file of the same name, of which an engine may keep one. */
const ownFiles: Test = {
  name: "each module imports its own files, whatever others of the same name there are",
  async run(bench) {
    const runtime = await bench.runtime();
    const open = async (tag: string) => {
      const guest = javascript(
        'import { box, count } from "../box.mjs";\nexport const run = (mark) => { const before = box.mark; if (mark) box.mark = mark; return [box.tag, count(), before]; };',
      );
      const box = `let calls = 0;\nexport const box = { tag: ${JSON.stringify(tag)}, mark: null };\nexport const count = () => ++calls;`;
      const { manifest, files } = bench.extension(guest, "files");
      const source = { manifest, files: { ...files, "box.mjs": box } };
      return bench.loadSource(source, { limits: { maxInstances: 1 } }, runtime);
    };
    let first: Module;
    try {
      first = await open("first");
    } catch (error) {
      // An engine may load one file alone.
      await refusal(() => Promise.reject(error), ["ERR_EXT_GUEST", "ERR_EXT_UNSUPPORTED"], "load");
      return;
    }
    assert.deepEqual(await first.call("run", "marked"), ["first", 1, null]);
    for (const tag of ["second", "first"]) {
      const answer = await (await open(tag)).call("run");
      assert.deepEqual(answer, [tag, 1, null], `a module got a file of another: ${show(answer)}`);
    }
    assert.deepEqual(await first.call("run"), ["first", 2, "marked"]);
  },
};

function deferred() {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
