import { expect, test } from "vitest";
import { guestTests } from "../../../fixtures/javascript/guests.ts";
import { answer, guests, load } from "./guest.ts";

guestTests(guests);

test("invokeSync makes an instance on demand and runs promises to their end", async () => {
  await using module = await load("async function f(value) { await null; return value }", { lazy: true });
  expect(module.invokeSync("f", "[1]")).toBe("[1]");
});

test("the alias of the Go system loads unchanged", async () => {
  expect(await answer("function f() { return 1 }", "1", { manifest: { runtime: "goja" } })).toBe("1");
});

test("a file named by a literal in import()", async () => {
  const files = { "later.js": "export const later = 7" };
  expect(await answer("async function f() { return (await import('./later.js')).later }", "1", { files })).toBe("7");
});

test("a computed import() cannot reach what no import names", async () => {
  const files = { "secret.js": "export const secret = 1" };
  await expect(
    answer("const f = async (name) => (await import(name)).secret", '"./secret.js"', { files }),
  ).rejects.toMatchObject({
    code: "ERR_EXT_GUEST",
    message: expect.stringContaining("cannot import secret.js"),
  });
});
