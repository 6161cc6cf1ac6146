import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { wasm } from "@extruntime/wasm";
import type { ExtensionError, Module } from "extruntime";
import { nightly } from "extruntime-fixtures";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { build, type Compiled, missing } from "./build.ts";

/** serde and its macros take minutes to compile beside other work: they are left to the night. */
const LANGUAGES: readonly Compiled[] = ["assemblyscript", "c", "go", ...(nightly ? (["rust"] as const) : [])];

const VALUES = [
  null,
  "",
  'ß😀 \u0000\n"\\/',
  0,
  -2.5e-7,
  1e300,
  0.1,
  9007199254740991,
  true,
  [[], {}, [null, [false]]],
  { "": 1, a: { b: ["c"] }, constructor: "x" },
];

describe.each(LANGUAGES)("a guest in %s", (language) => {
  const reason = missing(language);
  if (reason !== undefined && !process.env.CI) {
    it.skip(`cannot be built here: ${reason}`, () => {});
    return;
  }
  let folder: string;
  let module: Module;
  const lines: string[] = [];
  const line = (text: string) => void lines.push(text);
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "extruntime-sdk-"));
    const bytes = await build(language, folder);
    module = await wasm().load(
      {
        manifest: {
          name: "guest",
          runtime: "wasm",
          module: "guest.wasm",
          exports: ["greet", "echo", "count", "price", "caught", "crash"],
          permissions: ["price"],
          limits: { maxInstances: 1 },
        },
        files: { "guest.wasm": bytes },
      },
      {
        hostFunctions: {
          price: (item: unknown) => {
            if (item === "tea") return 3;
            throw new RangeError(`no ${item}`);
          },
        },
        logger: { debug: line, info: line, warn: line, error: line },
      },
    );
  });
  afterAll(async () => {
    await module?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const failure = (fn: string, value: unknown) =>
    module.call(fn, value).then(
      (result) => expect.unreachable(`${fn} returned ${JSON.stringify(result)}`),
      (error: ExtensionError) => ({ code: error.code, name: error.guest?.name, message: error.guest?.message }),
    );

  it("takes and gives values, and its lines reach the logger", async () => {
    expect(await module.call("greet", { name: "Ada ß" })).toEqual({ text: "Hello, Ada ß!" });
    expect(lines).toContain("greets Ada ß");
  });

  it("fails with the name and message that it says, and works on", async () => {
    expect(await failure("greet", {})).toEqual({
      code: "ERR_EXT_GUEST",
      name: "TypeError",
      message: "name must be a text",
    });
    expect(await failure("crash", 7)).toMatchObject({
      code: "ERR_EXT_GUEST",
      message: expect.stringContaining("out of range: 7"),
    });
    expect(await module.call("greet", { name: "Bo" })).toEqual({ text: "Hello, Bo!" });
  });

  it("gives back any JSON value as it was", async () => {
    for (const value of VALUES) expect(await module.call("echo", value)).toEqual(value);
    const spaced = await module.invoke("echo", ' { "a" : [ 1 , 2e1 , "\\u00df\\ud83d\\ude00" ] } ');
    expect(JSON.parse(spaced)).toEqual({ a: [1, 20, "ß😀"] });
  });

  it("keeps its state from call to call, and its memory within bounds", async () => {
    const first = (await module.call("count", null)) as number;
    const large = "x".repeat(100_000);
    for (let i = 0; i < 100; i++) await module.call("echo", { large });
    expect(await module.call("count", null)).toBe(first + 1);
  });

  it("calls functions of the host, and can go on where one fails", async () => {
    expect(await module.call("price", "tea")).toBe(3);
    expect(await failure("price", "x")).toEqual({ code: "ERR_EXT_GUEST", name: "RangeError", message: "no x" });
    expect(await module.call("caught", "tea")).toBe(3);
    expect(await module.call("caught", "x")).toBe("RangeError: no x");
  });

  it.each(["", "{", '{"a":1,}', '["a', "[1 2]", "nul", '"\\x"', '{"a" 1}', "1 2"])(
    "refuses what is no JSON: %s",
    async (text) => {
      const error = (await module.invoke("echo", text).catch((error: unknown) => error)) as ExtensionError | string;
      if (text === "") expect(error).toBe("null");
      else expect((error as ExtensionError).guest?.name).toBe("InputError");
    },
  );
});
