import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { HostFunctions, Module } from "extruntime";
import { describe, expect, test } from "vitest";
import { type QuickJSOptions, quickjs } from "../src/index.ts";
import { load as loadGuest } from "./guest.ts";

interface Options {
  limits?: { timeoutMs?: number; memoryMb?: number; pool?: number };
  runtime?: QuickJSOptions;
  module?: string;
}

/** Loads a guest that is granted all functions that are offered. */
function load(source: string, hostFunctions: HostFunctions, options: Options = {}): Promise<Module> {
  const manifest = { permissions: Object.keys(hostFunctions) };
  return loadGuest(source, { hostFunctions, manifest, ...options });
}

async function answer(source: string, hostFunctions: HostFunctions, options?: Options): Promise<unknown> {
  await using module = await load(source, hostFunctions, options);
  return await module.call("f");
}

/** A host function whose answers the test gives. */
function onRequest() {
  const asked: { value: unknown; answer(value: unknown): void }[] = [];
  let onAsked = () => {};
  const fn = (value: unknown) =>
    new Promise((resolve) => {
      asked.push({ value, answer: resolve });
      onAsked();
    });
  const until = async (count: number) => {
    while (asked.length < count) await new Promise<void>((resolve) => (onAsked = resolve));
  };
  return { asked, fn, until };
}

const never = () => new Promise(() => {});
/** What a guest sees of a call that fails. */
const FAILURE = "(error) => [error instanceof Error, error.name, error.message]";

describe("a call", () => {
  test("takes a value to the host and its answer back, with who asks", async () => {
    const asked: unknown[] = [];
    const look = (...args: unknown[]) => {
      asked.push(args);
      return { found: "é" };
    };
    expect(await answer("const f = () => host.call('look', { key: 1 })", { look })).toEqual({ found: "é" });
    expect(asked).toEqual([[{ key: 1 }, { extension: "guest", name: "look" }]]);
  });

  test("waits for an answer that is a promise", async () => {
    const double = async (value: number) => {
      await setImmediate();
      return value * 2;
    };
    const source =
      "async function f() { const one = await host.call('double', 1); return [one, ...await Promise.all([2, 3].map((n) => host.call('double', n)))] }";
    expect(await answer(source, { double })).toEqual([2, 4, 6]);
  });

  test("is answered within a synchronous call where the host answers at once", async () => {
    await using module = await load("const f = async (n) => (await host.call('twice', n)) + 1", {
      twice: (n: number) => n * 2,
    });
    expect(module.invokeSync("f", "20")).toBe("41");
  });

  test("gets answers in the order in which the host gives them", async () => {
    const { asked, fn, until } = onRequest();
    const count = 500;
    await using module = await load(
      "async function f(n) { const seen = []; await Promise.all(Array.from({ length: n }, (_, i) => host.call('fn', i).then((v) => seen.push(v)))); return seen }",
      { fn },
    );
    const result = module.call("f", count);
    await until(count);
    for (const { value, answer } of asked.toReversed()) answer(value);
    expect(await result).toEqual(Array.from({ length: count }, (_, i) => count - 1 - i));
  });

  test("sends nothing as null, and gets null for nothing", async () => {
    const values: unknown[] = [];
    const note = (value: unknown) => void values.push(value);
    expect(await answer("async function f() { return [await host.call('note')] }", { note })).toEqual([null]);
    expect(values).toEqual([null]);
  });

  test.each(["\ud800", "a\0b", '"\\\n\u2028', "é😀"])("carries the text %j", async (text) => {
    const echo = (value: unknown) => value;
    const source = `async function f() { const text = ${JSON.stringify(text)}; const back = await host.call('echo', text); return [back === text, back] }`;
    expect(await answer(source, { echo })).toEqual([true, text]);
  });

  test("carries ten megabytes both ways", async () => {
    const functions = { now: (value: unknown) => value, later: async (value: unknown) => value };
    const source =
      "async function f() { const text = 'é'.repeat(5e6); return [await host.call('now', text) === text, await host.call('later', text) === text] }";
    expect(await answer(source, functions)).toEqual([true, true]);
  });

  test("a property named then makes no promise of a value", async () => {
    const echo = (value: unknown) => value;
    const source = "const f = () => host.call('echo', { then: 1, at: { then() {} } })";
    expect(await answer(source, { echo })).toEqual(JSON.parse('{"then":1,"at":{}}'));
  });

  test("works in a module", async () => {
    const one = () => 1;
    expect(await answer("export const f = async () => await host.call('one')", { one }, { module: "guest.mjs" })).toBe(
      1,
    );
  });
});

describe("a failure", () => {
  test("is an error of the guest, with its name and message, that it can catch", async () => {
    const functions = {
      now: () => {
        throw new RangeError("too far");
      },
      later: async () => {
        throw Object.assign(new Error("gone"), { name: "NotFound" });
      },
    };
    const source = `async function f() { return [await host.call('now').catch(${FAILURE}), await host.call('later').catch(${FAILURE})] }`;
    expect(await answer(source, functions)).toEqual([
      [true, "RangeError", "too far"],
      [true, "NotFound", "gone"],
    ]);
  });

  test.each(["now", "later"])("uncaught is the guest's, told with the line that asked (%s)", async (name) => {
    const functions = {
      now: () => {
        throw new RangeError("too far");
      },
      later: async () => {
        throw new RangeError("too far");
      },
    };
    const source = `async function ask() {\n  return await host.call('${name}');\n}\nconst f = async () => await ask()`;
    await expect(answer(source, functions)).rejects.toMatchObject({
      code: "ERR_EXT_GUEST",
      message: "guest.f: RangeError: too far",
      guest: { name: "RangeError", stack: expect.stringMatching(/^ {4}at ask \(guest\.js:2:\d+\)\n/) },
    });
  });

  test.each<[string, () => unknown, string, unknown]>([
    [
      "throws null",
      () => {
        throw null;
      },
      "Error",
      "null",
    ],
    [
      "throws a text",
      () => {
        throw "text";
      },
      "Error",
      "text",
    ],
    [
      "throws what cannot be read",
      () => {
        throw new Proxy(
          {},
          {
            get() {
              throw 1;
            },
          },
        );
      },
      "Error",
      expect.any(String),
    ],
    ["rejects with nothing", () => Promise.reject(), "Error", "undefined"],
    ["returns a BigInt", () => 1n, "TypeError", expect.stringContaining("BigInt")],
    ["returns a function", () => () => 1, "TypeError", expect.stringContaining("no JSON form")],
    ["promises a symbol", async () => Symbol("s"), "TypeError", expect.stringContaining("no JSON form")],
  ])("of a function that %s", async (_, fn, name, message) => {
    expect(await answer(`const f = () => host.call('fn').catch(${FAILURE})`, { fn })).toEqual([true, name, message]);
  });

  test.each(["other", "toString", "__proto__", "a\0b", "\ud800"])(
    "of a name that was not granted: %j",
    async (name) => {
      const source = `const f = () => host.call(${JSON.stringify(name)}).catch(${FAILURE})`;
      expect(await answer(source, { kv: () => 1 })).toEqual([true, "PermissionError", expect.stringContaining("kv")]);
    },
  );

  test.each(["1", "null", "undefined", "{}", "Symbol()", "['kv']"])("of the name %s", async (name) => {
    const source = `const f = () => host.call(${name}).catch(${FAILURE})`;
    expect(await answer(source, { kv: () => 1 })).toEqual([
      true,
      "TypeError",
      expect.stringContaining("must be a string"),
    ]);
  });

  test.each([
    ["a function", "() => 1"],
    ["a symbol", "Symbol()"],
    ["a BigInt", "1n"],
    ["a circle", "circle"],
    ["what says that it is nothing", "{ toJSON() {} }"],
  ])("of %s as the value", async (_, value) => {
    const source = `const circle = {}; circle.circle = circle; const f = () => host.call('kv', ${value}).catch(${FAILURE})`;
    expect(await answer(source, { kv: () => 1 })).toEqual([true, "TypeError", expect.any(String)]);
  });

  test("of a value whose getter throws is what that threw", async () => {
    const source = "const f = () => host.call('kv', { get a() { throw 7 } }).catch((thrown) => thrown)";
    expect(await answer(source, { kv: () => 1 })).toBe(7);
  });

  test("of a call while the extension loads says so", async () => {
    const source = `let seen; host.call('kv').catch((error) => { seen = error.message }); const f = () => seen`;
    expect(await answer(source, { kv: () => 1 })).toContain("not while the extension loads");
    await expect(
      load("await host.call('kv'); export const f = () => 1", { kv: () => 1 }, { module: "guest.mjs" }),
    ).rejects.toMatchObject({
      code: "ERR_EXT_GUEST",
      message: expect.stringContaining("not while the extension loads"),
    });
  });
});

describe("the global host", () => {
  test("is there only where the manifest asks for host functions", async () => {
    expect(await answer("const f = () => typeof host", {})).toBe("undefined");
    expect(await answer("const f = () => typeof host.call", { kv: () => 1 })).toBe("function");
  });

  test("is the guest's to replace, and no enumerable property", async () => {
    const source =
      "const f = () => { const { writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(globalThis, 'host'); host = 1; return [writable, enumerable, configurable, host] }";
    expect(await answer(source, { kv: () => 1 })).toEqual([true, false, true, 1]);
    expect(await answer("const host = 2; const f = () => host", { kv: () => 1 })).toBe(2);
    expect(await answer("function host() { return 3 } const f = () => host()", { kv: () => 1 })).toBe(3);
  });

  test("carries the same whatever the guest did to its built-ins", async () => {
    const source = `async function f() {
      const { call } = host;
      JSON.parse = JSON.stringify = () => "666";
      Reflect.apply = Object.defineProperty = String.prototype.slice = Array.prototype[Symbol.iterator] = null;
      globalThis.JSON = globalThis.Promise = globalThis.Error = globalThis.TypeError = globalThis.Reflect = null;
      Object.prototype.value = Object.prototype.get = Object.prototype.resolve = 5;
      let message;
      try { await call("kv", { fail: true }) } catch (error) { message = error.message }
      try { await call("kv", 1n) } catch (error) { message += ", " + error.name }
      return [await call("kv", { a: 1 }), message];
    }`;
    const kv = (value: { fail?: boolean }) => {
      if (value.fail === true) throw new Error("failed");
      return value;
    };
    expect(await answer(source, { kv })).toEqual([{ a: 1 }, "failed, TypeError"]);
  });
});

describe("a guest that waits", () => {
  test("is ended at its deadline, and the module goes on", async () => {
    await using module = await load(
      "const f = (v) => v === 1 ? 'alive' : host.call('never')",
      { never },
      { limits: { pool: 1 } },
    );
    await expect(module.invoke("f", "0", { timeoutMs: 20 })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
    expect(await module.invoke("f", "1")).toBe('"alive"');
    expect(module.stats()).toMatchObject({ running: 0, instancesCreated: 2 });
  });

  test("is ended by its signal", async () => {
    const { fn, until } = onRequest();
    await using module = await load("const f = () => host.call('fn')", { fn }, { limits: { pool: 1 } });
    const controller = new AbortController();
    const call = module.invoke("f", "1", { signal: controller.signal });
    await until(1);
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(call).rejects.toBe(reason);
    expect(module.stats().running).toBe(0);
  });

  test("is ended when its module is closed with abort", async () => {
    const { fn, until } = onRequest();
    const module = await load("const f = () => host.call('fn')", { fn });
    const call = module.invoke("f", "1");
    await until(1);
    const failed = expect(call).rejects.toMatchObject({ code: "ERR_EXT_CLOSED" });
    await module.close({ abort: true });
    await failed;
  });

  test("has its answer before its module closes", async () => {
    const { asked, fn, until } = onRequest();
    const module = await load("const f = () => host.call('fn')", { fn });
    const call = module.invoke("f", "1");
    await until(1);
    const closed = module.close();
    asked[0]!.answer(5);
    expect(await call).toBe("5");
    await closed;
  });

  test("is not heard from again: an answer that comes too late is dropped", async () => {
    const { asked, fn, until } = onRequest();
    await using module = await load("const f = () => host.call('fn')", { fn }, { limits: { pool: 1 } });
    const controller = new AbortController();
    const late = module.invoke("f", "1", { signal: controller.signal });
    await until(1);
    controller.abort();
    await expect(late).rejects.toThrow();
    const next = module.invoke("f", "2");
    await until(2);
    asked[0]!.answer("late");
    await setImmediate();
    asked[1]!.answer("in time");
    expect(await next).toBe('"in time"');
  });

  test("and whose signal a host function fired ends before it waits", async () => {
    const controller = new AbortController();
    const functions = { never, abort: () => controller.abort(new Error("enough")) };
    const source = "const f = () => { host.call('abort'); return host.call('never') }";
    await using module = await load(source, functions);
    await expect(module.invoke("f", "1", { signal: controller.signal })).rejects.toThrow("enough");
    expect(module.stats().running).toBe(0);
  });

  test("and is aborted by a host function that it calls after the first answer ends", async () => {
    const controller = new AbortController();
    const functions = { later: async () => 1, abort: () => controller.abort(new Error("enough")), never };
    const source =
      "const f = async (v) => { if (v === 1) return 'alive'; await host.call('later'); host.call('abort'); return host.call('never') }";
    await using module = await load(source, functions, { limits: { pool: 1 } });
    await expect(module.invoke("f", "0", { signal: controller.signal })).rejects.toThrow("enough");
    expect(await module.invoke("f", "1")).toBe('"alive"');
  });

  test("for ever new answers leaves timers and signals their turn", async () => {
    const controller = new AbortController();
    let answers = 0;
    const next = async () => {
      if (++answers === 1000) setTimeout(() => controller.abort(new Error("enough")));
    };
    await using module = await load("const f = async () => { for (;;) await host.call('next') }", { next });
    await expect(module.invoke("f", "1", { signal: controller.signal })).rejects.toThrow("enough");
    await expect(module.invoke("f", "1", { timeoutMs: 30 })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
  });

  test("and then loops without end is stopped", async () => {
    const later = async () => 1;
    const source = "const f = async (v) => { if (v === 1) return 'alive'; await host.call('later'); for (;;); }";
    await using module = await load(source, { later }, { limits: { pool: 1 } });
    await expect(module.invoke("f", "0", { timeoutMs: 50 })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
    expect(await module.invoke("f", "1")).toBe('"alive"');
  });

  test("for a promise that nothing will settle fails when the host has answered all", async () => {
    const later = async () => 1;
    const source = "const f = async () => { await host.call('later'); await new Promise(() => {}) }";
    await expect(answer(source, { later })).rejects.toMatchObject({
      code: "ERR_EXT_GUEST",
      message: expect.stringContaining("never settle"),
    });
  });

  test("cannot be waited for by a synchronous call, and is there again afterwards", async () => {
    const { asked, fn, until } = onRequest();
    await using module = await load("const f = () => host.call('fn')", { fn }, { limits: { pool: 1 } });
    expect(() => module.invokeSync("f", "1")).toThrow(expect.objectContaining({ code: "ERR_EXT_UNSUPPORTED" }));
    await until(1);
    const next = module.invoke("f", "2");
    asked[0]!.answer(1);
    await until(2);
    asked[1]!.answer(2);
    expect(await next).toBe("2");
    expect(module.stats().instancesCreated).toBe(1);
  });

  test("fails when an answer does not fit into its memory, and the module goes on", async () => {
    const functions = { now: () => "x".repeat(2e7), later: async () => "x".repeat(2e7) };
    const source = "const f = (name) => name === null ? 'alive' : host.call(name)";
    await using module = await load(source, functions, { limits: { memoryMb: 8 } });
    for (const name of ["now", "later"])
      await expect(module.call("f", name)).rejects.toMatchObject({ code: "ERR_EXT_MEMORY" });
    expect(await module.call("f")).toBe("alive");
  });
});

describe("calls that nobody waits for", () => {
  test("are made, and their answers do not reach the next call", async () => {
    const { asked, fn, until } = onRequest();
    const source =
      "let seen = []; function f(v) { if (v === 1) { for (let i = 0; i < 10; i++) host.call('fn', i).then((a) => seen.push(a)); return 'left' } return host.call('fn', v).then((a) => [...seen, a]) }";
    await using module = await load(source, { fn }, { limits: { pool: 1 } });
    expect(await module.invoke("f", "1")).toBe('"left"');
    const next = module.call("f", 2);
    await until(11);
    for (const { answer } of asked) answer("answer");
    expect(await next).toEqual(["answer"]);
    expect(module.stats().instancesCreated).toBe(1);
  });

  test("run to their end within the call where the host answers at once", async () => {
    const seen: unknown[] = [];
    const note = (value: unknown) => void seen.push(value);
    await using module = await load(
      "const f = () => { host.call('note', 1).then(() => host.call('note', 2)); return 0 }",
      { note },
    );
    module.invokeSync("f", "1");
    expect(seen).toEqual([1, 2]);
  });

  test("without end fail one by one, and leave nothing behind", async () => {
    const source =
      "function f() { let refused = 0; for (let i = 0; i < 5000; i++) host.call('never', i).catch(() => refused++); return Promise.resolve().then(() => new Promise((r) => r())).then(() => refused > 0) }";
    await using module = await load(source, { never }, { limits: { memoryMb: 16, pool: 1 } });
    for (let i = 0; i < 5; i++) expect(await module.invoke("f", "1")).toBe("true");
    expect(module.stats().instancesCreated).toBe(1);
  });
});

describe("a host function that calls guests", () => {
  for (const memory of ["own", "shared"] as const) {
    test(`may call the same module, whose instances are made meanwhile (${memory} memory)`, async () => {
      const again = (n: number) => module.invokeSync("f", String(n - 1));
      const later = async (n: number) => await module.invoke("f", String(n - 1));
      const source =
        "const deep = (n) => n === 0 ? 0 : 1 + deep(n - 1); const f = async (n) => n === 0 ? 'end' + deep(100) : JSON.parse(await host.call(n > 3 ? 'later' : 'again', n)) + n";
      const module = await load(source, { again, later }, { runtime: { memory } });
      expect(await module.call("f", 1)).toBe("end1001");
      expect(await module.call("f", 6)).toBe("end100123456");
      expect(await module.call("f", 6)).toBe("end100123456");
      await module.close();
    });

    test(`may call another one at every depth of the first one's stack (${memory} memory)`, async () => {
      const runtime = quickjs({ memory });
      const manifest = { runtime: "quickjs", module: "guest.js", exports: ["f"] };
      const inner = await runtime.load({
        manifest: { ...manifest, name: "inner" },
        files: { "guest.js": "const deep = (n) => n === 0 ? 0 : 1 + deep(n - 1); function f(n) { return deep(n) }" },
      });
      const outer = await runtime.load(
        {
          manifest: { ...manifest, name: "outer", permissions: ["inner"] },
          files: {
            "guest.js":
              "const deep = (n) => n === 0 ? host.call('inner', 100) : deep(n - 1); function f(n) { return deep(n) }",
          },
        },
        { hostFunctions: { inner: (n: number) => Number(inner.invokeSync("f", String(n))) } },
      );
      for (let n = 0; n <= 500; n += 20) expect(await outer.call("f", n)).toBe(100);
      await runtime.close();
    });
  }

  test("deep in a guest's stack makes guests with a whole one of their own", async () => {
    const worker = new Worker(new URL("deep-stack-worker.mjs", import.meta.url), {
      resourceLimits: { stackSizeMb: 200 },
    });
    const exited = once(worker, "exit");
    const [answers] = await once(worker, "message");
    expect(answers).toEqual([
      [true, "stack overflow"],
      [true, "stack overflow"],
    ]);
    await exited;
  });

  const NESTED = "let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return JSON.stringify(a)";

  test("a guest that breaks the memory takes with it the one that called, and the modules go on", async () => {
    const runtime = quickjs({ memory: "shared" });
    const manifest = { runtime: "quickjs", module: "guest.js", exports: ["f"] };
    const breaker = await runtime.load({
      manifest: { ...manifest, name: "breaker" },
      files: { "guest.js": `function f(v) { if (v === 1) return 'alive'; ${NESTED} }` },
    });
    const caller = await runtime.load(
      {
        manifest: { ...manifest, name: "caller", permissions: ["run"] },
        files: {
          "guest.js":
            "async function f(v) { if (v === 1) return 'alive'; try { return await host.call('run') } catch { return 'went on' } }",
        },
      },
      { hostFunctions: { run: () => breaker.invokeSync("f", "0") } },
    );
    await expect(caller.invoke("f", "0")).rejects.toMatchObject({ code: "ERR_EXT_CRASHED" });
    expect([await caller.invoke("f", "1"), await breaker.invoke("f", "1")]).toEqual(['"alive"', '"alive"']);
    await runtime.close();
  });

  test("a guest that breaks the memory takes with it the one that waits, and the modules go on", async () => {
    const runtime = quickjs({ memory: "shared" });
    const { asked, fn, until } = onRequest();
    const manifest = { runtime: "quickjs", module: "guest.js", exports: ["f"] };
    const breaker = await runtime.load({
      manifest: { ...manifest, name: "breaker" },
      files: { "guest.js": `function f(v) { if (v === 1) return 'alive'; ${NESTED} }` },
    });
    const waiter = await runtime.load(
      {
        manifest: { ...manifest, name: "waiter", permissions: ["fn"] },
        files: { "guest.js": "function f(v) { return v === 1 ? 'alive' : host.call('fn') }" },
      },
      { hostFunctions: { fn } },
    );
    const call = waiter.invoke("f", "0");
    await until(1);
    await expect(breaker.invoke("f", "0")).rejects.toMatchObject({ code: "ERR_EXT_GUEST" });
    asked[0]!.answer(1);
    await expect(call).rejects.toMatchObject({ code: "ERR_EXT_CRASHED", message: expect.stringContaining("share") });
    expect([await waiter.invoke("f", "1"), await breaker.invoke("f", "1")]).toEqual(['"alive"', '"alive"']);
    await runtime.close();
  });

  test("may do so until the host's own stack ends, and the module goes on", async () => {
    const again = () => module.invokeSync("f", "1");
    const module = await load(
      "const deep = (n) => n === 0 ? host.call('again') : deep(n - 1); const f = (n) => n === 1 ? deep(100) : 'alive'",
      { again },
      { limits: { pool: 1000 } },
    );
    expect(() => module.invokeSync("f", "1")).toThrow();
    expect(module.invokeSync("f", "2")).toBe('"alive"');
    expect(module.stats().running).toBe(0);
    await module.close();
  });
});

test("a host function that has begun has the stack to end, however deep it is called from", async () => {
  const seen = { begun: 0, ended: 0 };
  const frames = (n: number): number => (n === 0 ? 0 : 1 + frames(n - 1));
  const note = () => {
    seen.begun++;
    frames(100);
    seen.ended++;
  };
  await using module = await load("const f = () => host.call('note').catch((error) => error.name)", { note });
  const answers = new Set<string>();
  const deeper = (): void => {
    try {
      answers.add(module.invokeSync("f", "1"));
    } catch {}
    deeper();
  };
  expect(deeper).toThrow(RangeError);
  expect([...answers].sort()).toEqual(['"RangeError"', "null"]);
  expect(seen.begun).toBeGreaterThan(0);
  expect(seen.ended).toBe(seen.begun);
});

test("a guest that was stopped asks nothing more of the host", async () => {
  const controller = new AbortController();
  let asked = 0;
  const ask = () => {
    asked++;
    controller.abort(new Error("enough"));
  };
  await using module = await load("function f() { for (let i = 0; i < 1000; i++) host.call('ask') }", { ask });
  await module.invoke("f", "1", { signal: controller.signal }).catch(() => {});
  expect(asked).toBe(1);
});

describe("two thousand overlapping calls that wait for the host", () => {
  test.each(["own", "shared"] as const)("are all answered, each with its own value (%s memory)", async (memory) => {
    const later = async (value: number) => {
      await setImmediate();
      return value + 1;
    };
    const now = (value: number) => value * 2;
    const source = "const f = async (n) => host.call('now', await host.call('later', await host.call('later', n)))";
    await using module = await load(source, { later, now }, { runtime: { memory } });
    const answers = await Promise.all(Array.from({ length: 2000 }, (_, i) => module.call("f", i)));
    expect(answers).toEqual(Array.from({ length: 2000 }, (_, i) => (i + 2) * 2));
    expect(module.stats()).toMatchObject({ running: 0, failures: 0, instances: 8 });
  });
});

test("the capability says that guests can call host functions", () => {
  expect(quickjs().capabilities.hostFunctions).toBe(true);
});
