import type { Logger } from "extruntime";
import { expect, test } from "vitest";
import { answer } from "./guest.ts";

/** The lines that a guest's console gives, each with its level. */
async function lines(code: string): Promise<[string, string][]> {
  const found: [string, string][] = [];
  const at = (level: string) => (message: string) => void found.push([level, message]);
  const logger: Logger = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  await answer(`function f() { ${code} }`, "1", { logger });
  return found;
}

const line = async (code: string) => (await lines(`console.log(${code})`))[0]?.[1];

test("each method has its level", async () => {
  expect(await lines("for (const name of ['log', 'info', 'debug', 'warn', 'error']) console[name](name)")).toEqual([
    ["info", "log"],
    ["info", "info"],
    ["debug", "debug"],
    ["warn", "warn"],
    ["error", "error"],
  ]);
});

test.each([
  ["strings as they are", "'a', 'b c'", "a b c"],
  ["primitives", "1, -0.5, true, null, undefined, 10n, Symbol('s')", "1 -0.5 true null undefined 10n Symbol(s)"],
  ["objects as JSON", "{ a: [1, 'x', { b: null }] }", '{"a":[1,"x",{"b":null}]}'],
  ["dates", "new Date(0)", '"1970-01-01T00:00:00.000Z"'],
  ["functions", "() => 1", "[function]"],
  ["circles", "(() => { const a = { b: {} }; a.b.a = a; return a })()", '{"b":{"a":[circular]}}'],
  ["the same object twice", "(() => { const a = {}; return [a, a] })()", "[{},{}]"],
  ["getters that throw", "{ get a() { throw 1 } }", "[unreadable]"],
  ["proxies that throw", "[new Proxy({}, { get() { throw 1 }, ownKeys() { throw 2 } })]", "[[unreadable]]"],
  [
    "revoked proxies",
    "(() => { const { proxy, revoke } = Proxy.revocable([], {}); revoke(); return proxy })()",
    "[unreadable]",
  ],
  ["objects without a prototype", "Object.create(null)", "{}"],
  [
    "deep objects, to a depth",
    "(() => { let a = 1; for (let i = 0; i < 1e5; i++) a = { a }; return a })()",
    '{"a":{"a":{"a":{"a":{"a":{…}}}}}}',
  ],
  ["NUL and lone surrogates", "'a\\0b\\ud800'", "a\0b\ud800"],
])("%s", async (_, code, text) => {
  expect(await line(code)).toBe(text);
});

test("errors have name, message and the guest's own frames", async () => {
  expect(await line("new RangeError('far')")).toMatch(/^RangeError: far\n {4}at f \(guest\.js:1:\d+\)\n?$/);
});

test.each([
  "'x'.repeat(1e6)",
  "Array(1e6).fill('x')",
  "Object.fromEntries(Array.from({ length: 1e5 }, (_, i) => ['k' + i, i]))",
  "...Array(5e4).fill('xx')",
])("what is long is cut: %s", async (code) => {
  const text = (await line(code)) ?? "";
  expect(text.length).toBeGreaterThan(1000);
  expect(text.length).toBeLessThan(11_000);
});

test("a logger that throws does not reach the guest", async () => {
  const logger = {
    info() {
      throw new Error("the logger's");
    },
  };
  expect(
    await answer("function f() { try { console.log(1); return 'fine' } catch (error) { return String(error) } }", "1", {
      logger,
    }),
  ).toBe('"fine"');
});

test("a logger may call the module that logs", async () => {
  const { load } = await import("./guest.ts");
  const answers: Promise<string>[] = [];
  const logger = { info: () => void answers.push(module.invoke("f", "2")) };
  const module = await load("function f(value) { if (value === 1) console.log('again'); return value }", { logger });
  expect(await module.invoke("f", "1")).toBe("1");
  expect(await Promise.all(answers)).toEqual(["2"]);
  await module.close();
});

test("lines come before the answer of their call, in order, from synchronous calls too", async () => {
  const { load } = await import("./guest.ts");
  const events: string[] = [];
  const logger = { info: (line: string) => void events.push(line) };
  await using module = await load("function f() { console.log(1); console.log(2) }", { logger });
  await module.invoke("f", "null");
  events.push("answered");
  module.invokeSync("f", "null");
  expect(events).toEqual(["1", "2", "answered", "1", "2"]);
});

test("a flood of lines arrives whole and in order, and its guest can be stopped in the midst of one", async () => {
  const { load } = await import("./guest.ts");
  const seen: string[] = [];
  const logger = { info: (line: string) => void seen.push(line) };
  await using module = await load("function f(count) { for (let i = 0; i < count; i++) console.log(i) }", { logger });
  await module.invoke("f", "20000");
  expect(seen).toEqual(Array.from({ length: 20_000 }, (_, index) => String(index)));
  await expect(module.invoke("f", "1e12", { timeoutMs: 50 })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
  seen.length = 0;
  await module.invoke("f", "1");
  expect(seen).toContain("0");
});
