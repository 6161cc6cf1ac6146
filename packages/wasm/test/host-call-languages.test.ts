import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";
import type { Module } from "extruntime";
import { describe, expect, it } from "vitest";
import { wasm } from "../src/index.ts";
import { loadGuest } from "./guests.ts";

const README = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const FIXTURES = new URL("../../../fixtures/host-call/", import.meta.url);
const STORE: Record<string, unknown> = { ada: { born: 1815 }, ключ: "😀", none: null };
const hostFunctions = {
  "kv.get": (key: string) => {
    if (Object.hasOwn(STORE, key)) return STORE[key];
    throw Object.assign(new Error(`no ${key}`), { name: "KeyError" });
  },
};

/** The README's example in a language. */
function example(language: string): string {
  const section = README.slice(README.indexOf("## Host functions"));
  return new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "s").exec(section)![1]!;
}

async function answersAsTheHostDoes(module: Module): Promise<void> {
  for (const [key, value] of Object.entries(STORE)) expect(await module.call("lookup", key)).toEqual(value);
  expect(await module.call("lookup", "eve")).toEqual({ failed: ["KeyError", "no eve"] });
  // An answer larger than the memory that the guest has to begin with.
  STORE.large = "x".repeat(5_000_000);
  expect(await module.call("lookup", "large")).toBe(STORE.large);
  delete STORE.large;
  const answers = await Promise.all(Array.from({ length: 2000 }, () => module.invoke("lookup", '"ada"')));
  expect(new Set(answers)).toEqual(new Set(['{"born":1815}']));
  await module.close();
}

describe("a guest that looks up what the host has", () => {
  it("works in AssemblyScript, as the README shows it", async () => {
    const { binary, stderr } = await asc.compileString(example("ts"), { optimizeLevel: 2 });
    if (binary === null) throw new Error(stderr.toString());
    await answersAsTheHostDoes(await loadGuest(binary, { exports: ["lookup"], hostFunctions }));
  });

  it.each([
    ["c", "wasm-c/lookup.c"],
    ["rust", "wasm-rust/lib.rs"],
  ])("is in the README in %s, as it is compiled for these tests", (language, path) => {
    expect(example(language)).toBe(readFileSync(new URL(path, FIXTURES), "utf8"));
  });

  describe.each(["wasm-c", "wasm-c-command", "wasm-rust"])("in the fixture %s", (guest) => {
    // Built by `node scripts/guests.mjs`, as far as the compilers are there.
    const isBuilt = existsSync(new URL(`${guest}/lookup.wasm`, FIXTURES));
    const path = fileURLToPath(new URL(guest, FIXTURES));

    it.skipIf(!isBuilt)("works", async () => {
      await answersAsTheHostDoes(await wasm().load(path, { hostFunctions }));
    });

    it.skipIf(!isBuilt)("is refused where the host does not offer the function", async () => {
      await expect(wasm().load(path)).rejects.toMatchObject({ code: "ERR_EXT_DENIED" });
    });
  });
});
