import { expect, test } from "vitest";
import { boundsTests } from "../../../fixtures/javascript/bounds.ts";
import { quickjs } from "../src/index.ts";
import { guests, load } from "./guest.ts";

boundsTests(guests, "quickjs");

test("a guest has a memory limit where nobody sets one, which its module's instances share", async () => {
  await using module = await load(
    "const kept = []; function f(mb) { for (let i = 0; i < mb; i++) kept.push('x'.repeat(2 ** 20) + i); return 1 }",
  );
  expect(await module.call("f", 200)).toBe(1);
  const before = process.memoryUsage.rss();
  await expect(module.call("f", 1e9)).rejects.toMatchObject({ code: "ERR_EXT_MEMORY" });
  expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 2 ** 20);
  expect(await module.call("f", 1)).toBe(1);
  await using small = await load("function f(mb) { return 'x'.repeat(mb * 2 ** 20).length }", {
    runtime: { defaultMemoryMb: 32 },
  });
  expect(await small.call("f", 10)).toBe(10 * 2 ** 20);
  await expect(small.call("f", 40)).rejects.toMatchObject({ code: "ERR_EXT_MEMORY" });
  expect(() => quickjs({ defaultMemoryMb: 0 })).toThrow(TypeError);
  expect(() => quickjs({ defaultMemoryMb: 4096 })).toThrow(TypeError);
});
