import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { quickjs } from "../src/index.ts";
import { answer, load, onRequest } from "./hosted-guest.ts";

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
    expect(asked).toMatchObject([[{ key: 1 }, { extension: "guest", name: "look" }]]);
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

test("the capability says that guests can call host functions", () => {
  expect(quickjs().capabilities.hostFunctions).toBe(true);
});
