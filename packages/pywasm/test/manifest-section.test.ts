import { ExtensionError } from "extruntime";
import { expect, test } from "vitest";
import { sectionTest } from "../../../fixtures/manifest-section/section-test.ts";
import { pywasmEngine } from "../src/engine.ts";
import { pywasm } from "../src/index.ts";
import { load } from "./guest.ts";

sectionTest(pywasmEngine());

test.each([
  [{ interpreter: "shared" }, /one kind/],
  [{ interpreter: "isolated" }, /one kind/],
  [{ venv: "/opt/venv" }, /python\.path/],
  [{ path: ["/no/such/folder"] }, /cannot be read/],
  [{ path: ["relative"] }, /must be absolute/],
  [{ paths: [] }, /unknown key|not known|paths/],
] as const)("what means nothing to it is refused with the reason: %j", async (python, reason) => {
  const error = await load("def f(v): return v", { manifest: { python: python as object } }).catch((e: unknown) => e);
  expect(ExtensionError.is(error, "ERR_EXT_BAD_MANIFEST")).toBe(true);
  expect((error as Error).message).toMatch(reason);
});

test("options that are not as they must be are refused", () => {
  for (const defaultMemoryMb of [0, 4096, Number.NaN, "64" as unknown as number])
    expect(() => pywasm({ defaultMemoryMb })).toThrow(TypeError);
});
