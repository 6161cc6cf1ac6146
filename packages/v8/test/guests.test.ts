import { describe, expect, test } from "vitest";
import { answer, load } from "./guest.ts";

describe("scripts and modules", () => {
  test.each([
    ["a top-level function", "function f(value) { return { got: value } }"],
    ["a property of globalThis", "globalThis.f = (value) => ({ got: value })"],
    ["a top-level const", "const f = (value) => ({ got: value })"],
    ["a top-level let", "let f = function (value) { return { got: value } }"],
    ["an export of a module", "export function f(value) { return { got: value } }"],
    ["an export of a list", "const g = (value) => ({ got: value }); export { g as f }"],
    [
      "a module that awaits at its top level",
      "const name = await Promise.resolve('got'); export const f = (value) => ({ [name]: value })",
    ],
    ["an async function", "async function f(value) { await null; return { got: await value } }"],
    ["a thenable", "function f(value) { return { then(resolve) { resolve({ got: value }) } } }"],
    ["a function behind a first line for a shell", "#!/usr/bin/env node\nfunction f(value) { return { got: value } }"],
  ])("%s is called", async (_, source) => {
    expect(await answer(source, '{"a":[1,null,"é"]}')).toBe('{"got":{"a":[1,null,"é"]}}');
  });

  test(".mjs is a module even where it would parse as a script: it is strict", async () => {
    const source = "globalThis.f = function () { return typeof this }";
    expect(await answer(source, "1", { module: "guest.mjs" })).toBe('"undefined"');
    expect(await answer(source, "1", { module: "guest.js" })).toBe('"object"');
  });

  test("a script sees variables of its own top level only: each module has globals of its own", async () => {
    await using first = await load("globalThis.shared = 1; function f() { return typeof shared }");
    await using second = await load("function f() { return typeof shared }");
    expect(await first.invoke("f", "1")).toBe('"number"');
    expect(await second.invoke("f", "1")).toBe('"undefined"');
  });

  test("state in globals lasts from call to call of an instance", async () => {
    await using module = await load("let calls = 0; function f() { return ++calls }");
    await module.invoke("f", "null");
    expect(await module.invoke("f", "null")).toBe("2");
  });

  test("invokeSync runs promises to their end", async () => {
    await using module = await load("async function f(value) { await null; return value }");
    expect(module.invokeSync("f", "[1]")).toBe("[1]");
  });

  test("reactions that a guest leaves behind run before its call returns", async () => {
    await using module = await load("let n = 0; function f() { Promise.resolve().then(() => n++); return n }");
    await module.invoke("f", "null");
    expect(await module.invoke("f", "null")).toBe("1");
  });

  test("the alias of the Go system loads unchanged", async () => {
    expect(await answer("function f() { return 1 }", "1", { manifest: { runtime: "v8go" } })).toBe("1");
  });

  test("a function that is missing is told with those that are there", async () => {
    await expect(load("function g() {} const h = 1; globalThis.i = () => {}")).rejects.toMatchObject({
      code: "ERR_EXT_UNKNOWN_FUNCTION",
      function: "f",
      message: expect.stringContaining("it has g, i"),
    });
    await expect(load("export const g = () => {}")).rejects.toMatchObject({
      message: expect.stringContaining("it has g"),
    });
  });

  test("a builtin is no function of the extension, unless it defines one of that name", async () => {
    for (const name of ["eval", "parseInt", "Date", "toString", "hasOwnProperty", "constructor", "valueOf"])
      await expect(load("function g() {}", { exports: [name] })).rejects.toMatchObject({
        code: "ERR_EXT_UNKNOWN_FUNCTION",
      });
    expect(await answer("function parseInt() { return 'mine' }", "1", { exports: ["parseInt"] })).toBe('"mine"');
    expect(await answer("const isNaN = () => 'mine'", "1", { exports: ["isNaN"] })).toBe('"mine"');
    expect(await answer("export const toString = () => 'mine'", "1", { exports: ["toString"] })).toBe('"mine"');
  });

  test("an export whose name is a reserved word is missing", async () => {
    await expect(load("function g() {}", { exports: ["class"] })).rejects.toMatchObject({
      code: "ERR_EXT_UNKNOWN_FUNCTION",
    });
  });

  test("a module that is not JavaScript text is refused", async () => {
    await expect(load("x", { module: "guest.txt" })).rejects.toMatchObject({
      code: "ERR_EXT_BAD_MANIFEST",
      message: expect.stringContaining(".js or .mjs"),
    });
    await expect(load("var a = '\0'")).rejects.toMatchObject({
      code: "ERR_EXT_BAD_MANIFEST",
      message: expect.stringContaining("NUL"),
    });
  });
});

describe("imports", () => {
  test("files of the extension, from any depth and in a circle", async () => {
    const files = {
      "lib/deep/a.mjs":
        "import { name } from '../../guest.js'; import { b } from '../b.js'; export const a = () => [name, b]",
      "lib/b.js": "export { c as b } from './c.js'",
      "lib/c.js": "await null; export const c = 'c'",
    };
    const source =
      "import { a } from './lib/deep/a.mjs'; export const name = 'main'; export function f() { return a() }";
    expect(await answer(source, "1", { files })).toBe('["main","c"]');
  });

  test.each([
    ["a package", "import fs from 'fs'; export const f = 1", "fs"],
    ["a builtin", "import fs from 'node:fs'; export const f = 1", "node:fs"],
    ["an absolute path", "import x from '/etc/passwd'; export const f = 1", "/etc/passwd"],
    ["a path that leaves the folder", "import x from '../outside.js'; export const f = 1", "../outside.js"],
    ["a file that is not there", "import x from './nothing.js'; export const f = 1", "nothing.js"],
    ["an address", "import x from 'https://example.org/x.js'; export const f = 1", "https://example.org/x.js"],
  ])("%s is refused by name", async (_, source, name) => {
    await expect(load(source)).rejects.toMatchObject({
      code: "ERR_EXT_GUEST",
      message: expect.stringContaining(`cannot import ${name}`),
    });
  });

  test("import() is refused, as isolated-vm has none", async () => {
    const files = { "later.js": "export const later = 7" };
    await expect(
      answer("async function f() { return (await import('./later.js')).later }", "1", { files }),
    ).rejects.toMatchObject({ code: "ERR_EXT_GUEST", message: expect.stringContaining("Not supported") });
  });
});
