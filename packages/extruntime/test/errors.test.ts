import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import { describe, expect, expectTypeOf, it, vi } from "vitest";
import { locate } from "../src/errors.ts";
import { ERROR_CODES, ExtensionError, type ExtensionErrorCode } from "../src/index.ts";
import { badManifest } from "../src/manifest/manifest.ts";

describe("ExtensionError", () => {
  it("is recognised across two copies of the package, and nothing else is", async () => {
    vi.resetModules();
    const other = await import("../src/errors.ts");
    expect(other.ExtensionError).not.toBe(ExtensionError);
    const foreign = new other.ExtensionError("ERR_EXT_BUSY", "full");
    expect(foreign instanceof ExtensionError).toBe(true);
    expect(ExtensionError.is(foreign)).toBe(true);
    expect(ExtensionError.is(foreign, "ERR_EXT_BUSY")).toBe(true);
    expect(ExtensionError.is(foreign, "ERR_EXT_CLOSED")).toBe(false);
    for (const value of [new Error("x"), null, undefined, "ERR_EXT_BUSY", { code: "ERR_EXT_BUSY" }, () => {}])
      expect(ExtensionError.is(value)).toBe(false);
  });

  it("is narrowed by its code, in its type too", () => {
    const error: unknown = new ExtensionError("ERR_EXT_BUSY", "full");
    if (!ExtensionError.is(error, "ERR_EXT_BUSY")) throw new Error("it is one");
    expectTypeOf(error.code).toEqualTypeOf<"ERR_EXT_BUSY">();
    expectTypeOf(error.extension).toEqualTypeOf<string | undefined>();
    const other: unknown = error;
    if (ExtensionError.is(other)) expectTypeOf(other.code).toEqualTypeOf<ExtensionErrorCode>();
    if (ExtensionError.is(other, "ERR_EXT_GUEST" as "ERR_EXT_GUEST" | "ERR_EXT_MEMORY"))
      expectTypeOf(other.code).toEqualTypeOf<"ERR_EXT_GUEST" | "ERR_EXT_MEMORY">();
    if (error instanceof ExtensionError) expectTypeOf(error).toMatchTypeOf<ExtensionError>();
  });

  it("keeps code, cause and guest details", () => {
    const cause = new Error("deep");
    const guest = { name: "E", message: "m", stack: "s" };
    const error = new ExtensionError("ERR_EXT_GUEST", "E: m", { cause, guest, extension: "a", function: "f" });
    expect(error).toMatchObject({
      name: "ExtensionError",
      code: "ERR_EXT_GUEST",
      cause,
      guest,
      extension: "a",
      function: "f",
    });
    expect(String(error)).toBe("ExtensionError: E: m");
  });

  it("says once where it happened, in its message and in what Node prints of it", () => {
    for (const lookFirst of [false, true]) {
      const error = new ExtensionError("ERR_EXT_BUSY", "full");
      if (lookFirst) expect(error.stack).toContain("ExtensionError: full\n");
      locate(locate(error, "scorer", "score"), "scorer", "other");
      expect(error.message).toBe("scorer.score: full");
      expect(inspect(error)).toMatch(/^ExtensionError: scorer\.score: full\n {4}at /);
    }
    const manifest = badManifest("extensions/scorer/extension.json", "is empty");
    expect(locate(manifest, "scorer")).toMatchObject({
      extension: "scorer",
      message: "extensions/scorer/extension.json: is empty",
    });
  });
});

describe("docs/errors.md", () => {
  const page = readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8");
  const headings = [...page.matchAll(/^## `(ERR_[A-Z_]+)`$/gm)].map((match) => match[1]);

  it("has one heading for every code, and none besides", () => {
    expect([...headings].sort()).toEqual(Object.keys(ERROR_CODES).sort());
  });

  it.each(Object.entries(ERROR_CODES))("%s begins with its meaning, and has cause and remedy", (code, meaning) => {
    const section = page.split(/^## /m).find((part) => part.startsWith(`\`${code}\``)) ?? "";
    expect(section.toLowerCase()).toContain(meaning.toLowerCase());
    expect(section).toMatch(/\*\*Cause\.\*\*/);
    expect(section).toMatch(/\*\*Remedy\.\*\*/);
  });
});
