import { describe, expect, test } from "vitest";
import { answer, load } from "./guest.ts";

/** A guest that is well with the payload 1 and does its worst otherwise. */
const guest = (worst: string) => `function f(value) { if (value === 1) return "alive"; ${worst} }`;

describe("time", () => {
  const WORST: [string, string][] = [
    ["an endless loop", "for (;;);"],
    ["a loop that catches everything", "for (;;) { try { for (;;); } catch {} finally { continue } }"],
    ["endless promises", "return (async () => { for (;;) await null })()"],
    ["promises that breed", "const g = () => { Promise.resolve().then(g); }; g(); return new Promise(() => {})"],
    ["an endless generator", "return [...(function* () { for (;;) yield 1 })()]"],
    ["an endless toJSON", "return { toJSON() { for (;;); } }"],
    ["an endless getter of an error", "throw { get message() { for (;;); } }"],
    ["an endless thenable", "return { then() { for (;;); } }"],
    ["a regular expression without an end", "return /(a+)+b/.test('a'.repeat(100))"],
    ["a sort that never agrees", "return [1, 2].sort(() => { for (;;); })"],
    ["a search inside V8", "return 'a'.repeat(2 ** 28).indexOf('a'.repeat(2 ** 17) + 'b')"],
    ["one big power", "return String(3n ** (2n ** 24n)).length"],
  ];

  // The longest of them would take minutes: past them is past what a test may take.
  test.each(WORST)("%s is stopped, and the module goes on at once", async (_, worst) => {
    await using module = await load(guest(worst), { manifest: { limits: { maxInstances: 1 } } });
    await expect(module.invoke("f", "null", { timeoutMs: 50 })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
    expect(await module.invoke("f", "1")).toBe('"alive"');
    expect(module.stats()).toMatchObject({ timeouts: 1, instancesCreated: 2 });
  });

  test("a signal stops it with its reason", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    await using module = await load(guest("console.log('go'); for (;;);"), {
      logger: { info: () => controller.abort(reason) },
    });
    await expect(module.invoke("f", "null", { signal: controller.signal })).rejects.toBe(reason);
    expect(await module.invoke("f", "1")).toBe('"alive"');
  });

  test("one call's abort costs no other call its answer", async () => {
    await using module = await load(guest("for (;;);"), { manifest: { limits: { maxInstances: 4 } } });
    const controller = new AbortController();
    const good = Array.from({ length: 50 }, () => module.invoke("f", "1"));
    const bad = Array.from({ length: 3 }, () => module.invoke("f", "null", { signal: controller.signal }));
    const settled = Promise.allSettled(bad);
    await Promise.all(good);
    controller.abort(new Error("enough"));
    expect((await settled).every(({ status }) => status === "rejected")).toBe(true);
    expect(await Promise.all(Array.from({ length: 50 }, () => module.invoke("f", "1")))).toHaveLength(50);
  });

  test("the event loop runs while guests never rest", async () => {
    await using module = await load(guest("for (;;);"), { manifest: { limits: { maxInstances: 2 } } });
    const controller = new AbortController();
    const stuck = [1, 2].map(() => module.invoke("f", "null", { signal: controller.signal }).catch(() => "stopped"));
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    controller.abort();
    expect(await Promise.all(stuck)).toEqual(["stopped", "stopped"]);
  });

  test.each([
    ["script", "for (;;) { try { for (;;); } catch {} }"],
    ["module", "export function f() {}; for (;;) { try { for (;;); } catch {} }"],
    ["module after an await", "export function f() {}; await null; for (;;) { try { await null } catch {} }"],
  ])("the top level of a %s obeys the deadline too", async (_, source) => {
    await expect(load(source, { limits: { loadTimeoutMs: 50 } })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
  });

  test.each([
    ["a loop", "for (;;);"],
    ["promises", "return (async () => { for (;;) await null })()"],
    ["a regular expression", "return /(a+)+b/.test('a'.repeat(100))"],
  ])("invokeSync is stopped as well: %s", async (_, worst) => {
    await using module = await load(guest(worst));
    expect(() => module.invokeSync("f", "null", { timeoutMs: 30 })).toThrow(
      expect.objectContaining({ code: "ERR_EXT_TIMEOUT" }),
    );
    expect(await module.invoke("f", "1")).toBe('"alive"');
  });

  test("invokeSync inside V8 fails when V8 is through, and the thread goes on", async () => {
    // Longer than isolated-vm would wait before it suspends the thread for ever.
    const search = "return 'a'.repeat(value).lastIndexOf('a'.repeat(2 ** 17) + 'b')";
    await using module = await load(`function f(value) { if (value === 1) return "alive"; ${search} }`);
    let length = 2 ** 17 + 2 ** 12;
    for (let took = 0; took < 6000; ) {
      const before = performance.now();
      expect(() => module.invokeSync("f", String(length), { timeoutMs: 20 })).toThrow(
        expect.objectContaining({ code: "ERR_EXT_TIMEOUT" }),
      );
      took = performance.now() - before;
      // What it takes grows with what is longer than the text that is looked for.
      length = 2 ** 17 + Math.ceil((length - 2 ** 17) * Math.min(8, Math.max(1.2, 7000 / took)));
    }
    expect(module.invokeSync("f", "1", { timeoutMs: 60_000 })).toBe('"alive"');
  });

  test("invokeSync inside a call of invokeSync has a deadline of its own", async () => {
    const inner = await load("function f() { for (;;); }");
    const ask = () => {
      try {
        return inner.invokeSync("f", "null", { timeoutMs: 20 });
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    await using outer = await load("async function f() { return await host.call('ask') }", {
      hostFunctions: { ask },
      manifest: { permissions: ["ask"] },
    });
    expect(outer.invokeSync("f", "null", { timeoutMs: 60_000 })).toBe('"ERR_EXT_TIMEOUT"');
    await inner.close();
  });

  test("invokeSync goes on at once after it was stopped, with a new isolate, again and again", async () => {
    const source = `let calls = 0; ${guest("if (value === 2) return ++calls; calls = 100; (async () => { for (;;) await null })(); for (;;);")}`;
    for (const module of ["guest.js", "guest.mjs"]) {
      const code = module === "guest.mjs" ? `export ${source.replace("let calls = 0;", "")}; let calls = 0` : source;
      await using loaded = await load(code, { module, manifest: { limits: { maxInstances: 1 } } });
      for (let round = 0; round < 3; round++) {
        expect(() => loaded.invokeSync("f", "null", { timeoutMs: 20 })).toThrow(
          expect.objectContaining({ code: "ERR_EXT_TIMEOUT" }),
        );
        if (round > 0) expect(loaded.invokeSync("f", "2")).toBe("1");
      }
      expect(await loaded.invoke("f", "2")).toBe("2");
      expect(() => loaded.invokeSync("f", "null", { timeoutMs: 20 })).toThrow();
      expect(await loaded.invoke("f", "2")).toBe("1");
      expect(loaded.invokeSync("f", "2")).toBe("2");
    }
  });

  test("close with abort ends a guest that never rests", async () => {
    const module = await load(guest("console.log('go'); for (;;);"), {
      logger: { info: () => void module.close({ abort: true }) },
    });
    await expect(module.invoke("f", "null")).rejects.toMatchObject({ code: "ERR_EXT_CLOSED" });
    await module.close();
  });

  test("a guest that ends in time is not touched", async () => {
    const source = "function f() { let s = 0; for (let i = 0; i < 1e5; i++) s += i; return s }";
    expect(await answer(source, "1", { call: { timeoutMs: 60_000 } })).toBe("4999950000");
  });
});

describe("memory", () => {
  const BOMBS: [string, string][] = [
    ["small objects", "for (;;) kept.push({})"],
    ["strings", "for (;;) kept.push('x'.repeat(1000) + kept.length)"],
    ["arrays", "for (;;) kept.push(new Array(1000).fill(kept.length))"],
    ["one large array", "return new Array(1e8).fill(1).length"],
    ["buffers", "for (;;) kept.push(new Uint8Array(100000))"],
    ["one large buffer", "return new ArrayBuffer(1e9).byteLength"],
    ["tiny buffers", "for (;;) kept.push(new DataView(new ArrayBuffer(64)))"],
    ["flat strings", "for (;;) { const s = 'x'.repeat(1e8) + kept.length; /y/.test(s); kept.push(s) }"],
    ["BigInts", "for (;;) kept.push(2n ** 100000n)"],
    ["promises", "for (;;) kept.push(Promise.resolve())"],
    ["closures", "for (;;) kept.push(() => kept)"],
    [
      "reactions",
      "const g = () => { Promise.resolve().then(g); Promise.resolve().then(g) }; g(); return new Promise(() => {})",
    ],
    ["a large result", "let a = [1]; for (let i = 0; i < 22; i++) a = [a, a, a]; return a"],
    ["a map", "const m = new Map(); for (let i = 0; ; i++) m.set(i, i)"],
    ["an object of many keys", "const o = {}; for (let i = 0; ; i++) o['k' + i] = i"],
    ["a split", "return 'x'.repeat(5e7).split('').length"],
    ["an array that doubles", "let a = [1]; for (;;) a = a.concat(a)"],
    ["a catcher", "for (;;) { try { for (;;) kept.push(new Array(10000).fill(1.5)) } catch {} }"],
  ];

  test.each(BOMBS)("%s past the limit end the call, and the module goes on", async (_, worst) => {
    await using module = await load(`const kept = []; ${guest(worst)}`, { limits: { memoryMb: 16 } });
    await expect(module.invoke("f", "null")).rejects.toMatchObject({ code: "ERR_EXT_MEMORY" });
    expect(await module.invoke("f", "1")).toBe('"alive"');
    expect(module.stats()).toMatchObject({ instances: 1, instancesCreated: 2 });
  });

  test("a neighbour does not notice", async () => {
    await using bomb = await load("const kept = []; function f() { for (;;) kept.push({}) }", {
      limits: { memoryMb: 16 },
    });
    await using other = await load("let n = 0; function f() { return ++n }", {
      manifest: { limits: { maxInstances: 1 } },
    });
    await other.invoke("f", "1");
    await expect(bomb.invoke("f", "1")).rejects.toMatchObject({ code: "ERR_EXT_MEMORY" });
    expect(await other.invoke("f", "1")).toBe("2");
  });

  test("what the limit allows can be used", async () => {
    const source = "function f(mb) { return new Uint8Array(mb * 1048576).fill(1).length / 1048576 }";
    for (const memoryMb of [16, 64]) {
      await using module = await load(source, { limits: { memoryMb } });
      expect(await module.invoke("f", String(memoryMb / 2))).toBe(String(memoryMb / 2));
      await expect(module.invoke("f", String(memoryMb * 2))).rejects.toMatchObject({ code: "ERR_EXT_MEMORY" });
    }
  });

  test("a payload that does not fit is told as such", async () => {
    await using module = await load("function f(value) { return value.length }", { limits: { memoryMb: 8 } });
    await expect(module.invoke("f", JSON.stringify(Array(4e6).fill(1.5)))).rejects.toMatchObject({
      code: "ERR_EXT_MEMORY",
    });
    expect(await module.invoke("f", '"xx"')).toBe("2");
  });

  test("a top level that needs too much fails the load", async () => {
    await expect(load("const kept = []; for (;;) kept.push({})", { limits: { memoryMb: 8 } })).rejects.toMatchObject({
      code: "ERR_EXT_MEMORY",
    });
  });

  test("invokeSync meets the limit too", async () => {
    await using module = await load(`const kept = []; ${guest("for (;;) kept.push({})")}`, {
      limits: { memoryMb: 16 },
    });
    expect(() => module.invokeSync("f", "null")).toThrow(expect.objectContaining({ code: "ERR_EXT_MEMORY" }));
    expect(await module.invoke("f", "1")).toBe('"alive"');
  });

  test("less than an isolate takes is refused with the remedy", async () => {
    await expect(load("function f() {}", { limits: { memoryMb: 4 } })).rejects.toMatchObject({
      code: "ERR_EXT_UNSUPPORTED",
      message: expect.stringContaining("8 at the least"),
    });
  });
});

describe("stack", () => {
  test.each([
    ["recursion", "return f(value)"],
    ["recursion through a getter", "const o = { get a() { return o.a } }; return o.a"],
    ["recursion through sort", "const g = () => [2, 1].sort(g); return g()"],
    ["recursion of constructors", "class A { a = new A() } return new A()"],
    ["a chain of proxies", "let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); return p.x"],
    ["nested parentheses in source", "return eval('('.repeat(1e5) + '1' + ')'.repeat(1e5))"],
  ])("%s without end is the guest's error, and the module goes on", async (_, worst) => {
    await using module = await load(guest(worst));
    await expect(module.invoke("f", "null")).rejects.toMatchObject({ code: "ERR_EXT_GUEST" });
    expect(await module.invoke("f", "1")).toBe('"alive"');
    expect(() => module.invokeSync("f", "null")).toThrow(expect.objectContaining({ code: "ERR_EXT_GUEST" }));
  });

  test("a hundred thousand levels in a payload or a result are refused or carried, and the module goes on", async () => {
    const source =
      "function f(value) { if (typeof value === 'number') { let a = []; for (let i = 0; i < value; i++) a = [a]; return a } return 'alive' }";
    await using module = await load(source);
    const levels = 100_000;
    const codes = (
      await Promise.allSettled([
        module.invoke("f", "[".repeat(levels) + "]".repeat(levels)),
        module.invoke("f", String(levels)),
      ])
    ).map((end) => (end.status === "rejected" ? (end.reason as { code: string }).code : "carried"));
    for (const code of codes) expect(["carried", "ERR_EXT_BAD_PAYLOAD", "ERR_EXT_BAD_RESULT"]).toContain(code);
    expect(await module.invoke("f", "null")).toBe('"alive"');
  });
});
