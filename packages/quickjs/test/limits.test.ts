import { describe, expect, test } from "vitest";
import { quickjs } from "../src/index.ts";
import { answer, load } from "./guest.ts";

/** A guest that answers 1 with "alive" and does its worst otherwise. */
const guest = (worst: string, head = "function") => `${head} f(value) { if (value === 1) return 'alive'; ${worst} }`;

describe("time", () => {
  test.each([
    ["a loop", guest("for (;;);")],
    ["a loop that catches everything", guest("for (;;) { try { for (;;); } catch {} finally { continue } }")],
    ["a loop in finally", guest("try { for (;;); } finally { for (;;); }")],
    [
      "a generator's finally",
      guest("function* g() { try { for (;;) yield 1 } finally { for (;;); } } for (const x of g()) for (;;);"),
    ],
    [
      "an async loop that catches everything",
      guest("for (;;) { try { await null; for (;;); } catch {} }", "async function"),
    ],
    ["promise reactions without end", guest("const again = () => Promise.resolve().then(again); return again()")],
    [
      "promise reactions without end that nobody waits for",
      guest("const again = () => { Promise.resolve().then(again) }; again(); return 2"),
    ],
    ["a loop in a reaction", guest("return Promise.resolve().then(() => { for (;;); })")],
    ["a loop in toJSON", guest("return { toJSON() { for (;;); } }")],
    ["a loop in a getter that console reads", guest("console.log({ get a() { for (;;); } }); return 2")],
    ["a loop in the message of what it throws", guest("throw { get message() { for (;;); } }")],
    ["a loop in then", guest("return { then() { for (;;); } }")],
    ["a loop in a proxy's trap", guest("return new Proxy({}, { ownKeys() { for (;;); } })")],
    ["an exponential regular expression", guest("return /^(a+)+$/.test('a'.repeat(40) + 'b')")],
    ["a sort that never agrees", guest("return [...Array(1e4).keys()].sort(() => { for (;;); })")],
  ])("%s is stopped, and the module goes on with a new instance", async (_, source) => {
    await using module = await load(source);
    await expect(module.invoke("f", "null", { timeoutMs: 30 })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
    expect(await module.invoke("f", "1")).toBe('"alive"');
    expect(module.stats()).toMatchObject({ timeouts: 1, instancesCreated: 2 });
  });

  test.each([
    ["script", "for (;;) { try { for (;;); } catch {} }"],
    ["module", "export function f() {}; for (;;) { try { for (;;); } catch {} }"],
    ["module after an await", "export function f() {}; await null; for (;;) { try { await null } catch {} }"],
  ])("the top level of a %s obeys the deadline too", async (_, source) => {
    await expect(load(source, { limits: { loadTimeoutMs: 30 } })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
  });

  test("invokeSync is stopped as well", async () => {
    await using module = await load(guest("for (;;);"));
    expect(() => module.invokeSync("f", "null", { timeoutMs: 30 })).toThrow(
      expect.objectContaining({ code: "ERR_EXT_TIMEOUT" }),
    );
    expect(module.invokeSync("f", "1")).toBe('"alive"');
  });

  test("a signal, which could not fire while the guest holds the thread, is refused before the guest runs", async () => {
    await using module = await load(guest("for (;;);"));
    for (const signal of [AbortSignal.timeout(200), AbortSignal.abort(), new AbortController().signal])
      for (const options of [{ signal }, { signal, timeoutMs: 60_000 }])
        await expect(module.invoke("f", "null", options)).rejects.toMatchObject({
          code: "ERR_EXT_UNSUPPORTED",
          message: expect.stringMatching(/timeoutMs.*thread or a process/),
        });
    expect(module.stats()).toMatchObject({ calls: 0, instancesCreated: 1 });
  });

  test("a guest that ends in time is not touched", async () => {
    expect(
      await answer("function f() { let s = 0; for (let i = 0; i < 1e5; i++) s += i; return s }", "1", {
        call: { timeoutMs: 60_000 },
      }),
    ).toBe("4999950000");
  });
});

describe("memory", () => {
  test.each([
    ["small objects", "for (;;) kept.push({})"],
    ["strings", "for (;;) kept.push('x'.repeat(1000) + kept.length)"],
    ["arrays", "for (;;) kept.push(new Array(1000).fill(kept.length))"],
    ["buffers", "for (;;) kept.push(new Uint8Array(100000))"],
    ["one large buffer", "return new ArrayBuffer(1e9).byteLength"],
    ["a long string", "return 'xy'.repeat(2e8).length"],
    ["BigInts", "for (;;) kept.push(2n ** 100000n)"],
    ["promises", "for (;;) kept.push(Promise.resolve())"],
    ["closures", "for (;;) kept.push(() => kept)"],
    ["a large result", "return Array(3e6).fill('xxxxxxxx')"],
    ["a map", "const m = new Map(); for (let i = 0; ; i++) m.set(i, i)"],
  ])("%s past the limit end the call, and the module goes on", async (_, worst) => {
    await using module = await load(`const kept = []; ${guest(worst)}`, { limits: { memoryMb: 16 } });
    await expect(module.invoke("f", "null")).rejects.toMatchObject({ code: "ERR_EXT_MEMORY" });
    expect(await module.invoke("f", "1")).toBe('"alive"');
  });

  test("what the limit allows can be used, and no more", async () => {
    const source = "function f(mb) { return new Uint8Array(mb * 1048576).fill(1).length / 1048576 }";
    for (const memoryMb of [2, 8, 64]) {
      await using module = await load(source, { limits: { memoryMb } });
      expect(await module.invoke("f", String(memoryMb - 1))).toBe(String(memoryMb - 1));
      await expect(module.invoke("f", String(memoryMb))).rejects.toMatchObject({ code: "ERR_EXT_MEMORY" });
    }
  });

  test("each instance has the whole limit", async () => {
    const engine = quickjs({ limits: { memoryMb: 8 } });
    const files = {
      "guest.js": "let kept; function f(mb) { kept = new Uint8Array(mb * 1048576).fill(1); return kept.length }",
    };
    const modules = await Promise.all(
      ["a", "b", "c"].map((name) =>
        engine.load({ manifest: { name, runtime: "quickjs", module: "guest.js", exports: ["f"] }, files }),
      ),
    );
    for (const module of modules) expect(await module.invoke("f", "6")).toBe(String(6 * 1048576));
    await engine.close();
  });

  test.each([
    ["arrays", "const a = { b: new Array(1000).fill(1) }; a.self = a", 3000],
    ["buffers", "const a = { b: new Uint8Array(1e6) }; a.self = a", 200],
    ["closures", "const b = new Uint8Array(1e5); const g = () => g && b", 1000],
    ["small objects", "const a = {}; a.self = a", 20_000],
  ])("garbage in circles is collected before it fills the memory: %s", async (_, garbage, calls) => {
    await using module = await load(`function f() { ${garbage}; return 1 }`, {
      limits: { memoryMb: 16, maxInstances: 1 },
    });
    for (let i = 0; i < calls; i++) module.invokeSync("f", "null");
    expect(module.stats()).toMatchObject({ failures: 0, instancesCreated: 1 });
  });

  test("a payload that does not fit is told as such", async () => {
    await using module = await load("function f(value) { return value.length }", { limits: { memoryMb: 2 } });
    await expect(module.invoke("f", JSON.stringify("x".repeat(8e6)))).rejects.toMatchObject({ code: "ERR_EXT_MEMORY" });
    expect(await module.invoke("f", '"xx"')).toBe("2");
  });

  test("a guest that catches the end of its memory and answers is heard", async () => {
    const source =
      "function f() { const kept = []; try { for (;;) kept.push(new Uint8Array(100000)) } catch (error) { return error.message } }";
    expect(await answer(source, "null", { limits: { memoryMb: 8 } })).toBe('"out of memory"');
  });

  test("a guest in whose full memory a promise is lost is out of memory", async () => {
    const source =
      "const kept = []; const fill = (size) => { try { for (;;) kept.push(new Array(size).fill(0)) } catch {} }; async function f() { for (const size of [10000, 1000, 100, 10, 1]) fill(size); return 1 }";
    await expect(answer(source, "null", { limits: { memoryMb: 8 } })).rejects.toMatchObject({ code: "ERR_EXT_MEMORY" });
  });

  test("a guest that only says that it is out of memory has thrown an error", async () => {
    await expect(answer("function f() { throw new InternalError('out of memory') }")).rejects.toMatchObject({
      code: "ERR_EXT_GUEST",
    });
  });

  test("a top level that needs too much fails the load", async () => {
    await expect(load("const kept = []; for (;;) kept.push({})", { limits: { memoryMb: 2 } })).rejects.toMatchObject({
      code: "ERR_EXT_MEMORY",
    });
  });
});

describe("stack", () => {
  const NESTED = "let a = []; for (let i = 0; i < 1e5; i++) a = [a];";
  test.each([
    ["recursion", "return f(value)"],
    ["recursion through toString", "const o = { toString() { return '' + o } }; return '' + o"],
    ["recursion through a getter", "const o = { get a() { return o.a } }; return o.a"],
    ["recursion through toJSON", "const o = { toJSON() { return JSON.stringify(o) } }; return JSON.stringify(o)"],
    ["recursion through Reflect.apply", "const g = () => Reflect.apply(g, null, []); return g()"],
    ["recursion through sort", "const g = () => [2, 1].sort(g); return g()"],
    ["recursion through replace", "const g = () => 'a'.replace(/a/g, g); return g()"],
    ["recursion through eval", "globalThis.g = () => eval('g()'); return g()"],
    ["recursion through a generator", "function* g() { yield* g() } return [...g()]"],
    ["recursion of constructors", "class A { a = new A() } return new A()"],
    ["a chain of proxies", "let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); return p.x"],
    ["nested arrays through flat", `${NESTED} return a.flat(Infinity).length`],
    ["nested arrays through toString", `${NESTED} return String(a)`],
    ["nested arrays through JSON.stringify", `${NESTED} return JSON.stringify(a).length`],
    ["nested brackets through JSON.parse", "return JSON.parse('['.repeat(1e5) + ']'.repeat(1e5)).length"],
    ["nested groups in a regular expression", "return new RegExp('(?:'.repeat(1e5) + ')'.repeat(1e5)).test('')"],
    ["nested parentheses in source", "return eval('('.repeat(1e5) + '1' + ')'.repeat(1e5))"],
    ["nested arrays in source", "return eval('['.repeat(1e5) + ']'.repeat(1e5)).length"],
  ])("%s without end is the guest's error, and the module goes on", async (_, worst) => {
    await using module = await load(guest(worst));
    await expect(module.invoke("f", "null")).rejects.toMatchObject({ code: "ERR_EXT_GUEST" });
    expect(await module.invoke("f", "1")).toBe('"alive"');
  });

  const DEEP: [string, string][] = [
    ["brackets that are not closed", "[".repeat(8000)],
    ["arrays", "[".repeat(5000) + "]".repeat(5000)],
    ["objects", `${'{"a":'.repeat(8000)}1${"}".repeat(8000)}`],
    ["arrays in objects", '{"a":['.repeat(50_000) + "]}".repeat(50_000)],
    ["a hundred thousand arrays", "[".repeat(100_000) + "]".repeat(100_000)],
  ];

  test.each(DEEP)("%s in a payload are refused before the guest runs, and cost nothing", async (_, payload) => {
    await using module = await load("let calls = 0; const f = () => ++calls", { limits: { maxInstances: 1 } });
    await expect(module.invoke("f", payload)).rejects.toMatchObject({
      code: "ERR_EXT_BAD_PAYLOAD",
      message: expect.stringContaining("nested too deeply"),
    });
    expect(await module.invoke("f", "null")).toBe("1");
    expect(() => module.invokeSync("f", payload)).toThrow(expect.objectContaining({ code: "ERR_EXT_BAD_PAYLOAD" }));
    expect(await module.invoke("f", "null")).toBe("2");
    expect(module.stats().instancesCreated).toBe(1);
  });

  test.each(["a = [a]", "a = { a }", "a = [{ a }]"])(
    "a result of which %s too often is refused, and costs nothing",
    async (wrap) => {
      const source = `let calls = 0; const nest = (n) => { let a = []; for (let i = 0; i < n; i++) ${wrap}; return a };
      function f(n) { calls++; return n === 0 ? calls : n % 2 ? nest(n) : Promise.resolve(nest(n)) }`;
      await using module = await load(source, { limits: { maxInstances: 1 } });
      for (const levels of [5000, 8001, 100_000])
        await expect(module.invoke("f", String(levels))).rejects.toMatchObject({
          code: "ERR_EXT_BAD_RESULT",
          message: expect.stringContaining("nested too deeply"),
        });
      expect(await module.invoke("f", "0")).toBe("4");
      expect(module.stats().instancesCreated).toBe(1);
    },
  );

  test("a host function's argument and answer that are nested too deeply are the guest's error, and cost nothing", async () => {
    let deep: unknown = [];
    for (let i = 0; i < 4000; i++) deep = [deep];
    const source = `let calls = 0; const tell = (error) => error.name;
      async function f(n) { calls++; if (n === 0) return calls; let a = []; for (let i = 0; i < n; i++) a = [a];
        return [await host.call("deep").then(() => "answered", tell), await host.call("take", a).then(() => "taken", tell)] }`;
    const options = { manifest: { permissions: ["deep", "take"] }, limits: { maxInstances: 1 } };
    await using module = await load(source, { ...options, hostFunctions: { deep: () => deep, take: () => null } });
    for (const levels of [5000, 8000, 100_000])
      expect(JSON.parse(await module.invoke("f", String(levels)))).toEqual(["RangeError", "InternalError"]);
    expect(await module.invoke("f", "0")).toBe("4");
    expect(module.stats().instancesCreated).toBe(1);
  });

  test("an error with a chain of causes and a nested value behind it is told, and costs nothing", async () => {
    const source = `let calls = 0; function f(n) { calls++; if (n === 0) return calls;
      let error = new Error("innermost"), a = []; for (let i = 0; i < n; i++) { error = new Error("outer", { cause: error }); a = [a] }
      error.value = a; console.error(error, a); throw error }`;
    await using module = await load(source, { limits: { maxInstances: 1 } });
    for (const levels of [5000, 100_000])
      await expect(module.invoke("f", String(levels))).rejects.toMatchObject({
        code: "ERR_EXT_GUEST",
        guest: { name: "Error", message: "outer" },
      });
    expect(await module.invoke("f", "0")).toBe("3");
    expect(module.stats().instancesCreated).toBe(1);
  });

  test("two thousand levels are carried both ways", async () => {
    const payload = "[".repeat(2000) + "]".repeat(2000);
    expect(await answer("function f(value) { return value }", payload)).toBe(payload);
  });

  test("calls at the end of the host's own stack fail, and leave every instance to the calls that come", async () => {
    const module = await load(guest("return value"), { runtime: { limits: { maxInstances: 2 } } });
    const failures = new Set<string>();
    const deeper = (): void => {
      try {
        module.invokeSync("f", "1");
      } catch (error) {
        failures.add((error as Error).message.replace("guest.f: ", ""));
      }
      deeper();
    };
    for (let i = 0; i < 10; i++) expect(deeper).toThrow(RangeError);
    expect([...failures]).toEqual(["Maximum call stack size exceeded"]);
    expect([module.invokeSync("f", "1"), await module.invoke("f", "1")]).toEqual(['"alive"', '"alive"']);
    expect(module.stats()).toMatchObject({ running: 0, queued: 0 });
    await module.close();
  });

  test("a smaller stack ends sooner", async () => {
    const source = "let n = 0; const g = () => { n++; g() }; function f() { n = 0; try { g() } catch {} return n }";
    const [small, usual] = [
      Number(await answer(source, "1", { runtime: { stackKb: 48 } })),
      Number(await answer(source)),
    ];
    expect(small).toBeGreaterThan(100);
    expect(small).toBeLessThan(usual);
  });

  test("neighbours of an instance that broke their common memory serve their next call", async () => {
    const runtime = quickjs({ memory: "shared" });
    const files = { "guest.js": guest("return eval('('.repeat(1e5) + '1' + ')'.repeat(1e5))") };
    const [first, second] = await Promise.all(
      ["a", "b"].map((name) =>
        runtime.load({ manifest: { name, runtime: "quickjs", module: "guest.js", exports: ["f"] }, files }),
      ),
    );
    await expect(first!.invoke("f", "null")).rejects.toMatchObject({ code: "ERR_EXT_GUEST" });
    expect(await second!.invoke("f", "1")).toBe('"alive"');
    expect(await first!.invoke("f", "1")).toBe('"alive"');
    await runtime.close();
  });
});

test("options that are not as they must be are refused when they are given", () => {
  expect(() => quickjs({ memory: "mine" as "own" })).toThrow(TypeError);
  for (const stackKb of [0, 31, 5000, 1.5, Number.NaN]) expect(() => quickjs({ stackKb })).toThrow(TypeError);
});

test("a shared memory promises less", async () => {
  const runtime = quickjs({ memory: "shared" });
  expect(runtime.capabilities).toMatchObject({ hardSandbox: false, memoryLimit: false });
  expect(quickjs().capabilities).toMatchObject({ hardSandbox: true, memoryLimit: true });
  await expect(
    runtime.load({
      manifest: { name: "a", runtime: "quickjs", module: "a.js", exports: ["f"], limits: { memoryMb: 8 } },
      files: { "a.js": "function f() {}" },
    }),
  ).rejects.toMatchObject({ code: "ERR_EXT_UNSUPPORTED" });
});
