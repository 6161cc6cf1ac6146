import { expect, test } from "vitest";
import { consoleTests } from "../../../fixtures/javascript/console.ts";
import { guests, load } from "./guest.ts";

consoleTests(guests);

test("a logger may call the module that logs", async () => {
  const answers: string[] = [];
  const logger = { info: () => void answers.push(module.invokeSync("f", "2")) };
  const module = await load("function f(value) { if (value === 1) console.log('again'); return value }", { logger });
  expect(await module.invoke("f", "1")).toBe("1");
  expect(answers).toEqual(["2"]);
  await module.close();
});
