import { describe, expect, test } from "vitest";
// Built: a process imports it by itself.
import { v8 } from "../dist/index.js";
import { runChild } from "./child.ts";
import { load } from "./guest.ts";
import { ask, guest, never, offered, soon } from "./host-functions.ts";

test("a guest calls host functions, those that answer at once and those that answer later", async () => {
  const source = `async function f(value) {
    const twice = await Promise.all([host.call("later", value), host.call("echo", value)]);
    return [await host.call("echo"), twice, await host.call("later", twice)];
  }`;
  expect(await ask(source, '{"a":[1,"x"]}')).toEqual([
    null,
    [{ a: [1, "x"] }, { a: [1, "x"] }],
    [{ a: [1, "x"] }, { a: [1, "x"] }],
  ]);
});

test("a host function knows who calls", async () => {
  const who = (_: unknown, context: unknown) => context;
  const source = `const f = () => host.call("who")`;
  expect(await ask(source, "null", { who })).toMatchObject({ extension: "guest", name: "who" });
});

test("without permissions there is no host", async () => {
  await using module = await load("function f() { return typeof host }", { hostFunctions: offered });
  expect(await module.invoke("f", "null")).toBe('"undefined"');
});

test("host is a global that a guest can hide, and that no loop finds", async () => {
  const source = `const found = [Object.keys(globalThis), Object.getOwnPropertyDescriptor(globalThis, "host")];
    const { call } = host; host = 5;
    async function f() { return [found[0].includes("host"), found[1].writable, found[1].enumerable, found[1].configurable, host, await call("later", 1)] }`;
  expect(await ask(source)).toEqual([false, true, false, true, 5, 1]);
});

test("Unicode and large values travel whole, both ways", async () => {
  const source = `async function f(value) {
    const back = await host.call(value.length > 100 ? "later" : "echo", value);
    return [back === value, back];
  }`;
  for (const value of ["\u0000\ud800x\udfff\u2028\u{1f600}", "\u00e9".repeat(5_000_000), "x".repeat(10_000_000)])
    expect(await ask(source, JSON.stringify(value))).toEqual([true, value]);
});

describe("failures", () => {
  const CAUGHT = `async function f(name) {
    try { await host.call(name, 1) } catch (error) { return [error instanceof Error, error.name, error.message, error.stack] }
  }`;

  test("what a host function throws is an Error of the guest's, with the line that called and nothing of the host's", async () => {
    const [isError, name, message, stack] = (await ask(CAUGHT, '"fail"')) as [boolean, string, string, string];
    expect([isError, name, message]).toEqual([true, "RangeError", "not\nso"]);
    expect(stack).toMatch(/^RangeError: not\nso\n/);
    expect(stack).toContain("at f (guest.js:2:");
    expect(stack).not.toContain("file:");
  });

  test("uncaught it is the call's error, with name, message and the guest's lines", async () => {
    await using module = await guest(`async function f(name) {\n  return await host.call(name);\n}`);
    await expect(module.invoke("f", '"fail"')).rejects.toMatchObject({
      code: "ERR_EXT_GUEST",
      guest: {
        name: "RangeError",
        message: "not\nso",
        stack: expect.stringMatching(/so\n {4}at f \(guest\.js:2:\d+\)$/),
      },
    });
    expect(await module.invoke("f", '"later"')).toBe("null");
  });

  test("a name that was not granted is refused", async () => {
    for (const name of ["kv.get", "__proto__", "toString", "", "\ud800", "x".repeat(100_000)])
      expect(await ask(CAUGHT, JSON.stringify(name))).toMatchObject([
        true,
        "PermissionError",
        expect.stringContaining("not granted"),
        expect.any(String),
      ]);
  });

  test("values without JSON form and odd names reject, and a value's own error comes through", async () => {
    const source = `const loop = {}; loop.loop = loop;
      const values = [() => 1, Symbol(), 1n, loop, { toJSON() {} }, { toJSON() { throw "mine" } }, { get a() { throw "mine" } }];
      const reasons = async (promise) => { try { return await promise } catch (error) { return error instanceof Error ? error.name : error } };
      async function f() {
        const all = [...values.map((value) => host.call("echo", value)), host.call(), host.call(Symbol()), host.call({ toString: () => "echo" })];
        return await Promise.all(all.map(reasons));
      }`;
    const type = "TypeError";
    expect(await ask(source)).toEqual([type, type, type, type, type, "mine", "mine", type, type, type]);
  });

  test.each<[string, () => unknown, unknown[]]>([
    ["null", () => Promise.reject(null), ["Error", "null"]],
    [
      "a proxy that cannot be read",
      () => {
        throw new Proxy({}, { get: () => never.caller });
      },
      ["Error", expect.any(String)],
    ],
    ["a BigInt as result", () => 1n, ["TypeError", expect.any(String)]],
    ["a function as result", () => soon(() => 1), ["TypeError", expect.any(String)]],
  ])("the guest is told of %s", async (_, bad, told) => {
    expect(await ask(CAUGHT, '"bad"', { bad })).toEqual([true, ...told, expect.any(String)]);
  });

  test("while it loads an extension cannot call the host, and is told so", async () => {
    const source = `const early = host.call("echo", 1).catch((error) => [error.name, error.message]); const f = () => early`;
    expect(await ask(source)).toEqual(["UnsupportedError", expect.stringContaining("while the extension loads")]);
  });
});

describe("invokeSync", () => {
  test("a function that answers at once is there for it, and one that answers later is not", async () => {
    await using module = await guest(
      `async function f(name) { return await host.call(name, [await host.call("echo", 1)]).catch((error) => error.name) }`,
    );
    expect(module.invokeSync("f", '"echo"')).toBe("[1]");
    expect(module.invokeSync("f", '"later"')).toBe('"UnsupportedError"');
    expect(await module.invoke("f", '"later"')).toBe("[1]");
    expect(module.invokeSync("f", '"echo"')).toBe("[1]");
  });

  test("a host function may call the module that calls it", async () => {
    const again = (depth: number): unknown =>
      depth === 0 ? "deep" : JSON.parse(module.invokeSync("f", `${depth - 1}`));
    await using module = await guest(`const f = (depth) => host.call("again", depth)`, { again }, { maxInstances: 4 });
    // The first instance is there; the others are made on demand, which takes a turn.
    await Promise.all([1, 2, 3, 4].map(() => module.invoke("f", "0")));
    expect(module.invokeSync("f", "0")).toBe('"deep"');
  });
});

describe("isolation", () => {
  test("a guest that replaces the builtins calls the host as before", async () => {
    const source = `
      const seen = [], Own = Error, freeze = Object.defineProperty, assign = Object.assign, create = Object.create;
      for (const key of ["value", "get", "set", "resolve", "error", "stack", "length", "__proto__x"])
        freeze(Object.prototype, key, assign(create(null), { get() { seen[seen.length] = key }, set() { seen[seen.length] = key }, configurable: true }));
      for (let i = 0; i < 4; i++) freeze(Array.prototype, i, assign(create(null), { set() { seen[seen.length] = i }, configurable: true }));
      JSON.parse = JSON.stringify = Reflect.apply = Object.defineProperty = () => { throw new Own("replaced") };
      String.prototype.slice = String.prototype.indexOf = Function.prototype.apply = Function.prototype.call = () => "replaced";
      globalThis.Promise = globalThis.Error = globalThis.TypeError = globalThis.JSON = undefined;
      async function f(name) {
        try { return await host.call(name, { a: "x" }) } catch (error) { return error instanceof Own && error.name + error.message }
      }`;
    for (const name of ["later", "echo"]) expect(await ask(source, JSON.stringify(name))).toEqual({ a: "x" });
    expect(await ask(source, '"fail"')).toBe("RangeErrornot\nso");
    expect(await ask(source, '"nothing"')).toContain("PermissionError");
  });

  test("stack traces that the guest formats hold no function of the dispatcher's", async () => {
    const source = `const found = [];
      Error.prepareStackTrace = (error, frames) => { for (const frame of frames) found.push(typeof frame.getFunction(), typeof frame.getThis()); throw error };
      async function f() { await host.call("fail").catch(() => {}); return [...new Set(found)] }`;
    expect(await ask(source)).toEqual(["undefined"]);
  });

  test("nothing that can be reached from host is the host's", async () => {
    const source = `async function f() {
      const seen = new Set(), found = [];
      const visit = (value) => {
        if ((typeof value !== "object" || value === null) && typeof value !== "function") return;
        if (seen.has(value)) return;
        seen.add(value);
        if (typeof value === "function" && value.constructor === Function && value.constructor("return typeof process")() !== "undefined") found.push(value.name);
        for (const key of ["applySync", "derefInto", "copySync", "evalSync"]) if (Object.hasOwn(value, key)) found.push(key);
        visit(Object.getPrototypeOf(value));
        for (const key of Reflect.ownKeys(value)) {
          const descriptor = Object.getOwnPropertyDescriptor(value, key);
          for (const part of ["value", "get", "set"]) visit(descriptor[part]);
        }
      };
      const asked = host.call("later", { a: 1 });
      visit(host); visit(asked); visit(await asked);
      await host.call("fail").catch(visit);
      return [seen.size > 50, found];
    }`;
    expect(await ask(source)).toEqual([true, []]);
  });
});

test("in a process of its own", async () => {
  await using runtime = v8({ placement: "process" });
  const source = `async function f(name) { return await host.call(name, 1).catch((error) => error.name) }`;
  const module = await runtime.load(
    {
      manifest: { name: "guest", runtime: "v8", module: "guest.js", exports: ["f"], permissions: Object.keys(offered) },
      files: { "guest.js": source },
    },
    { hostFunctions: offered },
  );
  expect(await Promise.all(["echo", "later", "fail", "nothing"].map((name) => module.call("f", name)))).toEqual([
    1,
    1,
    "RangeError",
    "PermissionError",
  ]);
  await expect(module.call("f", "never", { timeoutMs: 50 })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
  expect(await module.call("f", "later")).toBe(1);
});

describe("the process", () => {
  const LOAD = `const hosted = (source, hostFunctions) => v8().load(
    { manifest: { name: "guest", runtime: "v8", module: "guest.js", exports: ["f"], permissions: Object.keys(hostFunctions) }, files: { "guest.js": source } }, { hostFunctions });`;

  test.each([
    [
      "while a guest waits",
      `const asked = new Promise((heard) => globalThis.heard = heard);
       const m = await hosted("const f = () => host.call('never')", { never: () => (heard(), new Promise(() => {})) });
       m.invoke("f", "null").catch(() => {}); await asked; await new Promise(setImmediate); process.exit(3)`,
    ],
    [
      "in a host function",
      `const m = await hosted("const f = () => host.call('exit')", { exit: () => process.exit(3) }); await m.invoke("f", "null")`,
    ],
    [
      "in a host function while its guest never rests",
      `const m = await hosted("const f = () => { host.call('exit'); for (;;); }", { exit: () => process.exit(3) }); await m.invoke("f", "null")`,
    ],
  ])("exits %s, and keeps its code", async (_, code) => {
    expect(await runChild(LOAD + code)).toMatchObject({ end: 3, stderr: "" });
  });

  test("ends by itself, also after answers that came too late", async () => {
    const code = `${LOAD} const late = [];
      let heard;
      const asked = () => new Promise((resolve) => { heard = resolve });
      const m = await hosted("const f = () => host.call('late')", { late: () => new Promise((...both) => { late.push(both); heard() }) });
      for (let i = 0; i < 4; i++) {
        const controller = new AbortController(), hears = asked();
        const call = m.invoke("f", "null", { signal: controller.signal }).catch((error) => console.log(error.message));
        await hears;
        controller.abort(new Error("enough"));
        await call;
      }
      const hears = asked(), last = m.invoke("f", "null").catch((error) => console.log(error.code));
      await hears;
      await m.close({ abort: true });
      await last;
      for (const [resolve, reject] of late) { resolve(1); reject(new Error("late")) }`;
    const { end, stdout, stderr } = await runChild(code);
    expect([end, stderr]).toEqual([0, ""]);
    expect(stdout.trim().split("\n")).toEqual([...Array(4).fill("enough"), "ERR_EXT_CLOSED"]);
  });
});
