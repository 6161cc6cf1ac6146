import { expect, test } from "vitest";
import { guestTests } from "../../../fixtures/javascript/guests.ts";
import { answer, guests, load } from "./guest.ts";

guestTests(guests);

test("invokeSync runs promises to their end", async () => {
  await using module = await load("async function f(value) { await null; return value }");
  expect(module.invokeSync("f", "[1]")).toBe("[1]");
});

test("the alias of the Go system loads unchanged", async () => {
  expect(await answer("function f() { return 1 }", "1", { manifest: { runtime: "v8go" } })).toBe("1");
});

test("import() is refused, as isolated-vm has none", async () => {
  const files = { "later.js": "export const later = 7" };
  await expect(
    answer("async function f() { return (await import('./later.js')).later }", "1", { files }),
  ).rejects.toMatchObject({ code: "ERR_EXT_GUEST", message: expect.stringContaining("Not supported") });
});
