import { expect, test } from "vitest";
import { consoleTests } from "../../../fixtures/javascript/console.ts";
import { guests, load } from "./guest.ts";

consoleTests(guests);

test("a logger may call the module that logs", async () => {
  const answers: Promise<string>[] = [];
  const logger = { info: () => void answers.push(module.invoke("f", "2")) };
  const module = await load("function f(value) { if (value === 1) console.log('again'); return value }", { logger });
  expect(await module.invoke("f", "1")).toBe("1");
  expect(await Promise.all(answers)).toEqual(["2"]);
  await module.close();
});

test("lines come before the answer of their call, in order, from synchronous calls too", async () => {
  const events: string[] = [];
  const logger = { info: (line: string) => void events.push(line) };
  await using module = await load("function f() { console.log(1); console.log(2) }", { logger });
  await module.invoke("f", "null");
  events.push("answered");
  module.invokeSync("f", "null");
  expect(events).toEqual(["1", "2", "answered", "1", "2"]);
});

test("a flood of lines arrives whole and in order, and its guest can be stopped in the midst of one", async () => {
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
