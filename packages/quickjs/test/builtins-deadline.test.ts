import { ExtensionError } from "extruntime";
import { describe, expect, test } from "vitest";
import { quickjs } from "../src/index.ts";

/** None of them comes back to the interpreter's own look at the deadline for seconds, or ever. */
const BUILTINS: Readonly<Record<string, string>> = {
  lastIndexOf: 'return "a".repeat(2 ** 22).lastIndexOf("a".repeat(2 ** 18) + "b")',
  indexOf: 'return "a".repeat(2 ** 22).indexOf("a".repeat(2 ** 18) + "b")',
  split: 'for (;;) "ab".repeat(2 ** 20).split("")',
  "sort with a function": "const a = Array.from({ length: 1e6 }, (_, i) => i ^ 7777); for (;;) a.sort((x, y) => x - y)",
  "sort of numbers": "const t = new Float64Array(1e6); for (;;) t.sort()",
  JSON: "const a = []; for (let i = 0; i < 1e5; i++) a.push({ a: i }); for (;;) JSON.parse(JSON.stringify(a))",
  "a product of large integers": "let a = 3n; for (;;) a = a * a",
  "a power of large integers": "return 7n ** (10n ** 7n)",
  "a large integer's text": "return (7n ** 200000n).toString().length",
  "a regular expression that tracks back": 'return /^(a+)+$/.test("a".repeat(40) + "b")',
  replaceAll: 'for (;;) "a".repeat(1e6).replaceAll("a", "bb")',
  "fill and join": 'for (;;) new Array(1e6).fill("ab").join("c")',
  "a comparison of long texts": 'const a = "x".repeat(5e6) + "a", b = "x".repeat(5e6) + "b"; for (;;) a < b',
  includes: 'const a = new Array(1e6).fill("x"); for (;;) a.includes("y")',
  "the parser": 'for (;;) new Function("x+".repeat(1e6) + "x")',
  "moves within a buffer": "const t = new Uint8Array(1e7); for (;;) t.copyWithin(1, 0)",
  padStart: 'for (;;) "a".padStart(1e7, "bc")',
  "a catch of everything around it":
    'for (;;) { try { "a".repeat(2 ** 22).indexOf("a".repeat(2 ** 18) + "b") } catch {} }',
};

const load = (body: string, options: Parameters<typeof quickjs>[0] = {}) =>
  quickjs(options).load({
    manifest: {
      name: "guest",
      runtime: "quickjs",
      module: "main.js",
      exports: ["run", "count"],
      limits: { memoryMb: 200 },
    },
    files: { "main.js": `let n = 0; function run() { ${body} } function count() { return ++n }` },
  });

const timeout = (error: unknown) => ExtensionError.is(error, "ERR_EXT_TIMEOUT");

describe("a deadline stops a builtin on its caller's thread", () => {
  test.each(Object.entries(BUILTINS))("%s", async (_, body) => {
    const module = await load(body);
    const start = performance.now();
    expect(() => module.invokeSync("run", "null", { timeoutMs: 50 })).toThrow(expect.toSatisfy(timeout));
    // Beside a load all takes its time; without ticks most of these take minutes.
    expect(performance.now() - start).toBeLessThan(20_000);
    expect(await module.invoke("count", "null")).toBe("1");
    await module.close();
  });

  test("in the top level of an extension", async () => {
    const manifest = {
      name: "guest",
      runtime: "quickjs",
      module: "main.js",
      exports: ["run"],
      limits: { loadTimeoutMs: 50 },
    };
    const main = `${BUILTINS.indexOf!.replace("return", "")}; function run() {}`;
    await expect(quickjs().load({ manifest, files: { "main.js": main } })).rejects.toSatisfy(timeout);
  });

  test("a hundred times, and memory does not grow by what was stopped", async () => {
    const module = await load(BUILTINS.indexOf!);
    const stop = () =>
      expect(() => module.invokeSync("run", "null", { timeoutMs: 5 })).toThrow(expect.toSatisfy(timeout));
    for (let i = 0; i < 20; i++) stop();
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 80; i++) stop();
    expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(500);
    await module.close();
  });

  test("and an interpreted loop is stopped without the loss of its memory: another instance keeps its state", async () => {
    const module = await load("for (;;);");
    expect(module.stats().instancesCreated).toBe(1);
    await expect(module.invoke("run", "null", { timeoutMs: 20 })).rejects.toSatisfy(timeout);
    expect(await module.invoke("count", "null")).toBe("1");
    expect(await module.invoke("count", "null")).toBe("2");
  });

  test("but not in a memory that all share, which says so", () => {
    expect(quickjs().capabilities.deadline).toBe("hard");
    expect(quickjs({ memory: "shared" }).capabilities.deadline).toBe("interpreted");
  });
});
