import { expect, test } from "vitest";
import { nightly } from "../../../fixtures/index.js";
import { v8 } from "../src/index.ts";
import { runChild } from "./child.ts";
import { load } from "./guest.ts";

const CALLS = 10_000;
const MODULES = nightly ? 1000 : 60;

test("ten thousand overlapping calls of one module each get their own answer", async () => {
  await using module = await load("async function f(value) { await null; return value }");
  const answers = await Promise.all(Array.from({ length: CALLS }, (_, index) => module.invoke("f", String(index))));
  expect(answers.every((answer, index) => answer === String(index))).toBe(true);
  expect(module.stats()).toMatchObject({ calls: CALLS, failures: 0, running: 0, queued: 0 });
});

test(`ten thousand overlapping calls of ${MODULES} modules each get their own answer`, async () => {
  const runtime = v8();
  const modules = await Promise.all(
    Array.from({ length: MODULES }, (_, index) =>
      runtime.load(
        {
          manifest: { name: `m${index}`, runtime: "v8", module: "a.js", exports: ["f"] },
          files: { "a.js": `function f(v) { return [${index}, v] }` },
        },
        { lazy: true },
      ),
    ),
  );
  const answers = await Promise.all(
    Array.from({ length: CALLS }, (_, index) => modules[index % MODULES]!.invoke("f", String(index))),
  );
  expect(answers.every((answer, index) => answer === `[${index % MODULES},${index}]`)).toBe(true);
  await runtime.close();
});

/** Resident megabytes that two runs of \`half\` add to what two others before them have left. Heaps grow to a size of their own first. */
async function growth(half: string): Promise<number> {
  const code = `
    import { setFlagsFromString } from "node:v8";
    setFlagsFromString("--expose-gc");
    const gc = (await import("node:vm")).runInNewContext("gc");
    const rss = () => { gc(); return process.memoryUsage.rss() / 1048576 };
    const half = async () => { ${half} };
    await half(); await half(); const before = rss(); await half(); await half();
    console.log(rss() - before);
    process.exit(0);`;
  const { end, stdout, stderr } = await runChild(code);
  expect([end, stderr]).toEqual([0, ""]);
  return Number(stdout);
}

test("memory is flat over 200,000 calls", async () => {
  const grown = await growth(`
    globalThis.m ??= await load("function f(v) { return v }");
    for (let i = 0; i < 1500; i++) await Promise.all(Array.from({ length: 67 }, () => m.invoke("f", '{"email":"ada@example.org","age":36}')));`);
  expect(grown).toBeLessThan(30);
});

test("memory is flat over 200,000 synchronous calls", async () => {
  const grown = await growth(`
    globalThis.m ??= await load("function f(v) { return v }");
    for (let i = 0; i < 100000; i++) m.invokeSync("f", '{"email":"ada@example.org","age":36}');`);
  expect(grown).toBeLessThan(30);
});

test("memory is flat over 1,000 loads and closes", async () => {
  const grown = await growth(`
    for (let i = 0; i < 500; i++) { const m = await load("function f(v) { return v }"); await m.invoke("f", "1"); await m.close(); }`);
  expect(grown).toBeLessThan(30);
});

test("memory is flat over 200 timeouts and the isolates that replace what they stopped", async () => {
  const grown = await growth(`
    globalThis.m ??= await load("function f(v) { for (;;); }");
    for (let i = 0; i < 100; i++) await m.invoke("f", "1", { timeoutMs: 2 }).catch(() => {});`);
  expect(grown).toBeLessThan(30);
});

test("memory is flat over 40,000 calls of host functions, awaited or not, and guests that are stopped while they wait", async () => {
  const grown = await growth(`
    globalThis.m ??= await v8().load(
      { manifest: { name: "guest", runtime: "v8", module: "guest.js", exports: ["f", "g"], permissions: ["echo", "later", "never"] },
        files: { "guest.js": "async function f(v) { host.call('never'); host.call('later', v); return [await host.call('echo', v), await host.call('later', v)] } const g = () => host.call('never')" } },
      { hostFunctions: { echo: (v) => v, later: async (v) => v, never: () => new Promise((resolve) => setTimeout(resolve, 20)) } });
    for (let i = 0; i < 50; i++) {
      await Promise.all(Array.from({ length: 50 }, () => m.invoke("f", '{"email":"ada@example.org","age":36}')));
      await m.invoke("g", "1", { timeoutMs: 1 }).catch(() => {});
    }`);
  expect(grown).toBeLessThan(30);
});
