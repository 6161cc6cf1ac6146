import { describe, expect, test } from "vitest";
import { answer, load } from "./guest.ts";

/** Replaces what a careless host would use inside the guest. */
const SABOTAGE = `
const define = (object, key, descriptor) => Object.defineProperty(object, key, Object.assign(Object.create(null), descriptor));
const saw = new Set();
for (const key of ["value", "then", "parent", "toJSON", "stack", "name", "message", "get", "set", "length"])
  define(Object.prototype, key, { get() { saw.add("get " + key); return undefined }, set() { saw.add("set " + key) }, configurable: true });
for (let i = 0; i < 4; i++) define(Array.prototype, i, { set(value) { saw.add("set " + i) }, configurable: true });
JSON.parse = () => { throw new Error("parse") };
JSON.stringify = () => "stringify";
Promise.prototype.then = () => { throw new Error("then") };
Promise.resolve = () => { throw new Error("resolve") };
String.prototype.slice = () => "slice";
Array.prototype[Symbol.iterator] = function* () { saw.add("iterated") };
Function.prototype.call = Function.prototype.apply = () => "called";
Reflect.apply = () => "applied";
Object.keys = () => ["keys"];
Array.isArray = () => true;
globalThis.Promise = globalThis.String = globalThis.JSON = globalThis.Reflect = globalThis.Error = undefined;
`;

describe("a guest that replaces the builtins", () => {
  test.each(["function", "async function"])("%s: its values travel as before", async (head) => {
    const payload = '{"a":[1,"x",{"b":null}],"value":1,"then":2}';
    expect(await answer(`${SABOTAGE} ${head} f(value) { return value }`, payload)).toBe(payload);
  });

  test.each(["function", "async function"])("%s: what it throws is told as before", async (head) => {
    await expect(
      answer(`const Own = TypeError; ${SABOTAGE} ${head} f() { throw new Own("mine") }`),
    ).rejects.toMatchObject({
      code: "ERR_EXT_GUEST",
      guest: { name: "TypeError", message: "mine" },
    });
  });

  test("a payload that is not JSON is still refused", async () => {
    await expect(answer(`${SABOTAGE} function f(value) { return value }`, "{a")).rejects.toMatchObject({
      code: "ERR_EXT_BAD_PAYLOAD",
    });
  });

  test("its console still works", async () => {
    const lines: string[] = [];
    await answer(`${SABOTAGE} function f() { console.log("text", { a: [1] }) }`, "1", {
      logger: { info: (line) => lines.push(line) },
    });
    expect(lines).toEqual(['text {"a":[1]}']);
  });
});

describe("what a guest can reach", () => {
  test("nothing of the host", async () => {
    const names = [
      "process",
      "require",
      "module",
      "global",
      "Buffer",
      "fetch",
      "setTimeout",
      "setInterval",
      "WebAssembly",
      "std",
      "os",
      "print",
      "scriptArgs",
      "load",
      "Worker",
      "navigator",
    ];
    const source = `function f(names) { return names.filter((name) => { try { return new Function("return typeof " + name)() !== "undefined" } catch { return true } }) }`;
    expect(await answer(source, JSON.stringify(names))).toBe("[]");
  });

  test("constructors lead to its own world only", async () => {
    const source = `function f() {
      const roots = [console.log, console, f, globalThis, (async () => {}), function* () {}, Promise.resolve()];
      return roots.map((root) => root.constructor.constructor("return typeof process + typeof require + (this === globalThis)")());
    }`;
    expect(new Set(JSON.parse(await answer(source)))).toEqual(new Set(["undefinedundefinedtrue"]));
  });

  test("the dispatcher is not among its callers", async () => {
    const source = `function f() {
      const found = [];
      const probe = (read) => { try { const value = read(); if (typeof value === "function") found.push(String(value)) } catch {} };
      probe(() => arguments.callee.caller);
      probe(() => f.caller);
      probe(() => f.arguments.callee.caller);
      Error.prepareStackTrace = (_, sites) => { for (const site of sites) { probe(() => site.getFunction()); probe(() => site.getThis()) } };
      void new Error("x").stack;
      return found;
    }`;
    expect(await answer(source)).toBe("[]");
  });

  test("this is its own global object, or nothing in strict code", async () => {
    expect(await answer("function f() { return this === globalThis }")).toBe("true");
    expect(await answer("'use strict'; function f() { return this === undefined && arguments.length }")).toBe("1");
  });

  test("an answer that looks like the dispatcher's marks is a string like any other", async () => {
    for (const text of ["P", "E", "B", "R", 'E["a","b","c"]'])
      expect(await answer("function f(v) { return v }", JSON.stringify(text))).toBe(JSON.stringify(text));
  });

  test("toJSON cannot forge what travels: what it returns is written as JSON", async () => {
    expect(await answer(`function f() { return { toJSON: () => 'E["forged","","" ]' } }`)).toBe(
      JSON.stringify('E["forged","","" ]'),
    );
  });
});

test("two modules never see each other's globals, in one memory or in two", async () => {
  for (const memory of ["own", "shared"] as const) {
    await using first = await load(
      "Object.prototype.leak = 1; globalThis.leak2 = 2; function f() { return [({}).leak, leak2] }",
      { runtime: { memory } },
    );
    await using second = await load("function f() { return [typeof ({}).leak, typeof leak2] }", {
      runtime: { memory },
    });
    expect(await first.invoke("f", "1")).toBe("[1,2]");
    expect(await second.invoke("f", "1")).toBe('["undefined","undefined"]');
  }
});
