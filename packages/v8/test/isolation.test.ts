import { describe, expect, test } from "vitest";
import { isolationTests } from "../../../fixtures/javascript/isolation.ts";
import { answer, guests, load } from "./guest.ts";

isolationTests(guests);

test("two modules never see each other's globals", async () => {
  await using first = await load(
    "Object.prototype.leak = 1; globalThis.leak2 = 2; function f() { return [({}).leak, leak2] }",
  );
  await using second = await load("function f() { return [typeof ({}).leak, typeof leak2] }");
  expect(await first.invoke("f", "1")).toBe("[1,2]");
  expect(await second.invoke("f", "1")).toBe('["undefined","undefined"]');
});

describe("the boundary", () => {
  /** Everything that a guest can reach from its roots by properties and prototypes, by the text of its constructors. */
  const WALK = `function f() {
    const seen = new Set(), found = [];
    const visit = (value, path) => {
      if ((typeof value !== "object" || value === null) && typeof value !== "function") return;
      if (seen.has(value)) return;
      seen.add(value);
      for (const key of ["applySync", "derefInto", "copySync", "evalSync", "createContext"])
        if (Object.prototype.hasOwnProperty.call(value, key)) found.push(path + "." + key);
      visit(Object.getPrototypeOf(value), path + ".__proto__");
      for (const key of Reflect.ownKeys(value)) {
        const descriptor = Object.getOwnPropertyDescriptor(value, key);
        for (const part of ["value", "get", "set"]) visit(descriptor[part], path + "." + String(key));
      }
    };
    visit(globalThis, "globalThis");
    visit(arguments, "arguments");
    visit(console.log, "log");
    try { null.x } catch (error) { visit(error, "error") }
    try { console.log({ get a() { throw 1 } }) } catch (error) { visit(error, "logged") }
    return [seen.size > 500, found];
  }`;

  test("no object of isolated-vm is to be found from any root", async () => {
    expect(await answer(WALK)).toBe("[true,[]]");
    expect(await answer(WALK, "null", { runtime: { intl: true } })).toBe("[true,[]]");
  });

  test("what the logger returns or throws does not reach the guest", async () => {
    for (const info of [
      () => process,
      () => Promise.resolve(process),
      () => {
        throw new Error("the host's own");
      },
    ]) {
      const source = "function f() { try { return String(console.log('x')) } catch (error) { return error.message } }";
      expect(await answer(source, "1", { logger: { info } })).toBe('"undefined"');
    }
  });

  test("a guest that hands odd things to its console only writes text", async () => {
    const lines: unknown[] = [];
    const source = `function f() {
      const odd = { [Symbol.toPrimitive]() { return () => 1 }, toString: null, valueOf: 1, toJSON() { return odd } };
      for (const value of [odd, Symbol.iterator, new Proxy(() => {}, {}), globalThis, { __proto__: null, message: {}, stack: "s" }]) console.log(value);
      console.log.call(null, { stack: "x", message: "y", name: { toString() { throw 1 } } });
    }`;
    await answer(source, "1", { logger: { info: (line) => lines.push(line) } });
    expect(lines).toHaveLength(6);
    expect(lines.every((line) => typeof line === "string")).toBe(true);
  });

  test.each([
    ["a getter", "({ get a() { return (() => {}).constructor('return typeof process')() } })", '{"a":"undefined"}'],
    ["toJSON", "({ toJSON() { return this.constructor.constructor('return typeof require')() } })", '"undefined"'],
    [
      "a proxy",
      "new Proxy({}, { ownKeys: () => ['a'], getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }), get: (_, key) => key === 'a' ? typeof process : undefined })",
      '{"a":"undefined"}',
    ],
    ["a thenable that answers twice", "({ then(resolve, reject) { resolve(1); resolve(2); reject(3) } })", "1"],
    [
      "a thenable that gets the dispatcher's functions",
      "({ then(resolve) { resolve(String(resolve.constructor('return typeof process')())) } })",
      '"undefined"',
    ],
  ])("the result is read in the guest's own world: %s", async (_, expression, json) => {
    expect(await answer(`function f() { return ${expression} }`)).toBe(json);
  });

  test("a stray rejection is not taken for the call's answer", async () => {
    await using module = await load(
      "function f(v) { Promise.reject(new Error('stray')); return v } async function g(v) { Promise.reject(null); await null; return v }",
      { exports: ["f", "g"] },
    );
    for (const fn of ["f", "g"]) {
      expect(await module.invoke(fn, "7")).toBe("7");
      expect(module.invokeSync(fn, "7")).toBe("7");
    }
  });

  test("code made from strings is the guest's own, and cannot be a module of the host", async () => {
    const source = `async function f() {
      const tried = [];
      for (const code of ["import('fs')", "import('node:fs')", "import('/etc/passwd')", "import('data:text/javascript,export default 1')"])
        tried.push(await eval(code).then(() => "loaded", () => "refused"));
      return tried;
    }`;
    expect(await answer(source)).toBe('["refused","refused","refused","refused"]');
  });

  test("the constants of Math have their names", async () => {
    expect(await answer("function f() { return [Math.E, Math.PI, 'E' in Math] }")).toBe(
      JSON.stringify([Math.E, Math.PI, true]),
    );
  });

  test("memory that no limit counts is out of reach", async () => {
    const source = `function f() {
      const buffer = new Uint8Array(8).buffer;
      const tried = [() => new ArrayBuffer(8, { maxByteLength: 16 }), () => new buffer.constructor(8, { maxByteLength: 16 }),
        () => new (class extends ArrayBuffer {})(8, { maxByteLength: 16 }), () => Reflect.construct(ArrayBuffer, [8, { maxByteLength: 16 }], Object),
        () => new ArrayBuffer[Symbol.species](8, { maxByteLength: 16 }), () => buffer.resize(16)];
      const kinds = tried.map((attempt) => { try { attempt(); return "made" } catch (error) { return error.name } });
      return [kinds, typeof WebAssembly, typeof SharedArrayBuffer, typeof Atomics, typeof Intl, new ArrayBuffer(8).byteLength, new ArrayBuffer(8) instanceof ArrayBuffer];
    }`;
    const refused = Array(6).fill("TypeError");
    expect(JSON.parse(await answer(source))).toEqual([
      refused,
      "undefined",
      "undefined",
      "undefined",
      "undefined",
      8,
      true,
    ]);
  });

  test("Intl is there where the host gives it", async () => {
    const source = "function f() { return new Intl.NumberFormat('de').format(1234.5) }";
    expect(await answer(source, "1", { runtime: { intl: true } })).toBe('"1.234,5"');
  });
});
