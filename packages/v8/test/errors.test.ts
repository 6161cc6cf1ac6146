import { expect, test } from "vitest";
import { answer, load } from "./guest.ts";

const THROWN: [string, string, { name: string; message: string; stack?: unknown }][] = [
  ["an error", "new TypeError('bad')", { name: "TypeError", message: "bad" }],
  ["an error without a message", "new Error()", { name: "Error", message: "" }],
  [
    "an error of a class with its own name",
    "new (class MyError extends Error { name = 'MyError' })('mine')",
    { name: "MyError", message: "mine" },
  ],
  ["an aggregate error", "new AggregateError([1], 'all')", { name: "AggregateError", message: "all" }],
  ["what looks like an error", "({ name: 'N', message: 'm' })", { name: "N", message: "m", stack: "" }],
  ["a string", "'text'", { name: "thrown value", message: "text", stack: "" }],
  [
    "a string with NUL and a lone surrogate",
    "'a\\0\\ud800b'",
    { name: "thrown value", message: "a\0\ud800b", stack: "" },
  ],
  ["null", "null", { name: "thrown value", message: "null", stack: "" }],
  ["undefined", "undefined", { name: "thrown value", message: "undefined", stack: "" }],
  ["a number", "-0.5", { name: "thrown value", message: "-0.5", stack: "" }],
  ["a BigInt", "42n", { name: "thrown value", message: "42", stack: "" }],
  ["a symbol", "Symbol('s')", { name: "thrown value", message: "Symbol(s)", stack: "" }],
  ["a function", "() => 1", { name: "thrown value", message: "[function]", stack: "" }],
  ["an object", "({ a: [1] })", { name: "thrown value", message: '{"a":[1]}', stack: "" }],
  [
    "an object with getters that throw",
    "({ get message() { throw 1 } })",
    { name: "thrown value", message: "(it cannot be shown: reading it throws)", stack: "" },
  ],
  [
    "a proxy that throws",
    "new Proxy({}, { get() { throw new Error('trap') } })",
    { name: "thrown value", message: "(it cannot be shown: reading it throws)", stack: "" },
  ],
  [
    "a revoked proxy",
    "(() => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy })()",
    { name: "thrown value", message: "(it cannot be shown: reading it throws)", stack: "" },
  ],
  [
    "an error whose name and stack are not strings",
    "Object.assign(new Error('m'), { name: 1, stack: {} })",
    { name: "Error", message: "m", stack: "" },
  ],
];

test.each(THROWN)("%s is told exactly, thrown or rejected, and the instance lives on", async (_, expression, guest) => {
  for (const head of ["function", "async function"]) {
    await using module = await load(
      `let calls = 0; ${head} f(value) { if (value === "count") return ++calls; throw (${expression}) }`,
    );
    await expect(module.invoke("f", "1")).rejects.toMatchObject({ code: "ERR_EXT_GUEST", guest });
    expect(await module.invoke("f", '"count"')).toBe("1");
    expect(module.stats().instancesCreated).toBe(1);
  }
});

test("the stack has the extension's file and lines, and nothing of the engine's", async () => {
  const source = "function inner() {\n  return null.x;\n}\nfunction f() {\n  return inner();\n}\n";
  await expect(answer(source, "1", { module: "lib/guest.js" })).rejects.toMatchObject({
    guest: {
      name: "TypeError",
      stack: expect.stringMatching(
        /^TypeError: [^\n]+\n {4}at inner \(lib\/guest\.js:2:\d+\)\n {4}at f \(lib\/guest\.js:5:\d+\)$/,
      ),
    },
  });
});

test("an error in an imported file has that file's name", async () => {
  const files = { "lib/b.mjs": "export function b() {\n\n  throw new Error('b') }" };
  await expect(answer("import { b } from './lib/b.mjs'; export const f = b", "1", { files })).rejects.toMatchObject({
    guest: { stack: expect.stringContaining("(lib/b.mjs:3:") },
  });
});

test.each([
  ["a script", "guest.js", "let a = 1;\nlet b = = 2;", "guest.js:2:"],
  ["a module", "guest.mjs", "export const a = 1;\n\nlet b = = 2;", "guest.mjs:3:"],
  ["a module by its content", "guest.js", "export const a = 1;\n\n\nlet b = = 2;", "guest.js:4:"],
])("a syntax error in %s fails the load with file and line", async (_, module, source, place) => {
  await expect(load(source, { module })).rejects.toMatchObject({
    code: "ERR_EXT_GUEST",
    message: expect.stringContaining(place),
    guest: { name: "SyntaxError" },
  });
});

test("a syntax error in an imported file is told with that file and line", async () => {
  const files = { "b.js": "export const b = 1;\nlet = = 3" };
  await expect(load("import './b.js'; export const f = 1", { files })).rejects.toMatchObject({
    message: expect.stringContaining("b.js:2:"),
  });
});

test("what the top level throws fails the load", async () => {
  await expect(load("function f() {}\nthrow new RangeError('top')")).rejects.toMatchObject({
    code: "ERR_EXT_GUEST",
    guest: { name: "RangeError", message: "top", stack: expect.stringContaining("guest.js:2:") },
  });
  await expect(load("export function f() {}\nawait null; throw new RangeError('top')")).rejects.toMatchObject({
    guest: { message: "top" },
  });
});

test("a promise that nothing can settle is an error that says so", async () => {
  await using module = await load(
    "let done; function f(value) { if (value === 1) return 'alive'; if (done) done('late'); return new Promise((resolve) => { done = resolve }) }",
  );
  await expect(module.invoke("f", "null")).rejects.toMatchObject({
    code: "ERR_EXT_GUEST",
    message: expect.stringContaining("never settle"),
  });
  // The second call settles the promise of the first, which must not become its own answer.
  await expect(module.invoke("f", "null")).rejects.toMatchObject({
    code: "ERR_EXT_GUEST",
    message: expect.stringContaining("never settle"),
  });
  expect(await module.invoke("f", "1")).toBe('"alive"');
  await expect(load("await new Promise(() => {}); export const f = 1")).rejects.toMatchObject({
    code: "ERR_EXT_GUEST",
  });
});
