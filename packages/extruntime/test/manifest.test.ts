import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { ExtensionError, manifestFaults, parseManifest } from "../src/index.ts";

const good = {
  name: "validate-email",
  version: "0.1.0",
  runtime: "quickjs",
  module: "validate.js",
  exports: ["validate"],
};

function refusal(manifest: unknown): ExtensionError {
  try {
    parseManifest(manifest, "folder/extension.json");
  } catch (error) {
    if (ExtensionError.is(error, "ERR_EXT_BAD_MANIFEST")) return error;
    throw error;
  }
  throw new Error(`this manifest was taken: ${JSON.stringify(manifest)}`);
}

describe("the faults of a manifest", () => {
  it("are told each with its path and kind, and there is none where it is taken", () => {
    expect(manifestFaults(good)).toEqual([]);
    const { runtime: _, ...bad } = { ...good, module: "../x.js", limits: { tiemoutMs: 1 }, exports: ["a", "1"] };
    expect(manifestFaults(bad).map(({ path, kind }) => [path.join("."), kind])).toEqual([
      ["runtime", "missing"],
      ["exports.1", "value"],
      ["limits.tiemoutMs", "unknown-key"],
      ["module", "value"],
    ]);
    expect(manifestFaults(null)).toEqual([{ path: [], kind: "value", message: "the manifest must be an object" }]);
  });

  it("are all told, and not the first twenty", () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`key${index}`, 1]));
    expect(manifestFaults({ ...good, ...many })).toHaveLength(100);
  });
});

describe("a good manifest", () => {
  it("has its defaults filled in and is frozen, to the depth", () => {
    const manifest = parseManifest({ ...good, version: undefined, limits: { maxInstances: 2 } }, "x");
    expect(manifest).toMatchObject({ version: "0.0.0", permissions: [], limits: { maxInstances: 2 }, settings: {} });
    expect(() => (manifest.exports as string[]).push("more")).toThrow(TypeError);
    expect(Object.isFrozen(manifest.limits)).toBe(true);
  });

  it("may be JSON text, with a byte order mark", () => {
    expect(parseManifest(`\uFEFF${JSON.stringify(good)}`, "x").name).toBe("validate-email");
  });

  it("may carry the sections of other engines, so that moving it is a change of one line", () => {
    const manifest = { ...good, python: { interpreter: "shared" }, quickjs: { stackKb: 512 }, wasm: {} };
    expect(parseManifest(manifest, "x").settings).toEqual({ stackKb: 512 });
    expect(parseManifest({ ...manifest, runtime: "goja" }, "x").settings).toEqual({ stackKb: 512 });
    expect(parseManifest({ ...manifest, runtime: "pyvm" }, "x").settings).toEqual({ interpreter: "shared" });
  });

  it("may have a section named after an engine that this package does not know", () => {
    expect(parseManifest({ ...good, runtime: "lua", lua: { debug: true } }, "x").settings).toEqual({ debug: true });
    expect(refusal({ ...good, runtime: "lua", lua: 1 }).message).toContain('unknown key "lua"');
    expect(refusal({ ...good, lua: {} }).message).toContain('unknown key "lua"');
  });

  it("shortens its module path", () => {
    expect(parseManifest({ ...good, module: "./src//validate.js" }, "x").module).toBe("src/validate.js");
  });
});

describe("a bad manifest", () => {
  const rows: [string, unknown, RegExp][] = [
    ["not JSON", "{ nonsense", /^folder\/extension\.json: is not JSON: /],
    ["empty text", "", /is not JSON/],
    ["not an object", 7, /the manifest must be an object/],
    ["null", null, /the manifest must be an object/],
    ["a list", [], /the manifest must be an object/],
    ["limits that are a list", { ...good, limits: [] }, /"limits" must be an object, and is \[\]/],
    ...["native", "quickjs", "wasm", "v8", "python"].map((name): [string, unknown, RegExp] => [
      `a list for ${name}`,
      { ...good, [name]: [] },
      new RegExp(`"${name}" must be an object, and is \\[\\]`),
    ]),
    [
      "a limit past all numbers",
      { ...good, limits: { maxQueue: Number.POSITIVE_INFINITY } },
      /"limits\.maxQueue" .* and is Infinity/,
    ],
    ["no name", { ...good, name: undefined }, /"name" is missing/],
    ["a name of the wrong type", { ...good, name: 1 }, /"name" must consist of letters, digits, - and _, and is 1/],
    ["a name with a slash", { ...good, name: "a/b" }, /"name" must consist of letters/],
    ["an empty name", { ...good, name: "" }, /"name" must consist of letters/],
    ["a name with a dot", { ...good, name: ".." }, /"name" must consist of letters/],
    ["a name that ends in a newline", { ...good, name: "a\n" }, /"name" must consist of letters/],
    [
      "a version that is none",
      { ...good, version: "1" },
      /"version" must be a SemVer version such as 1\.2\.3, and is "1"/,
    ],
    ["no runtime", { ...good, runtime: undefined }, /"runtime" is missing/],
    ["no exports", { ...good, exports: undefined }, /"exports" is missing/],
    ["empty exports", { ...good, exports: [] }, /"exports" must name at least one function/],
    ["exports of the wrong type", { ...good, exports: "validate" }, /"exports" must be a list of function names/],
    ["an export that is no name", { ...good, exports: ["a b"] }, /"exports\.0" must be function names/],
    [
      "an export with two leading underscores",
      { ...good, exports: ["__proto__"] },
      /"exports\.0" must be function names/,
    ],
    ["duplicate exports", { ...good, exports: ["a", "b", "a"] }, /must not name a function twice/],
    ["an absolute path", { ...good, module: "/etc/passwd" }, /"module" must be a relative path/],
    ["a drive letter", { ...good, module: "C:x.js" }, /"module" must be a relative path/],
    ["a path that climbs", { ...good, module: "a/../../x.js" }, /"module" must stay inside the folder/],
    ["back slashes", { ...good, module: "a\\b.js" }, /"module" must use forward slashes/],
    ["a path with NUL", { ...good, module: "a\0.js" }, /"module" must not contain a NUL/],
    ["a path that names no file", { ...good, module: "./" }, /"module" must name a file/],
    ["an unknown key, near a known one", { ...good, modul: "x" }, /unknown key "modul"; did you mean "module"\?/],
    ["an unknown key, near nothing", { ...good, zzzzzzzz: 1 }, /unknown key "zzzzzzzz"; known are \$schema, name/],
    [
      "an unknown limit",
      { ...good, limits: { timeout: 5 } },
      /unknown key "limits\.timeout"; did you mean "timeoutMs"\?/,
    ],
    ...Object.entries({ pool: "maxInstances", queue: "maxQueue" }).map(([before, now]): [string, unknown, RegExp] => [
      `a limit by its old name, ${before}`,
      { ...good, limits: { [before]: 1 } },
      new RegExp(`unknown key "limits\\.${before}"; did you mean "${now}"\\?`),
    ]),
    [
      "a limit that is no number",
      { ...good, limits: { timeoutMs: "5" } },
      /"limits\.timeoutMs" must be a whole number of milliseconds/,
    ],
    [
      "a limit of zero",
      { ...good, limits: { memoryMb: 0 } },
      /"limits\.memoryMb" must be a whole number of mebibytes from 1/,
    ],
    ["a broken limit", { ...good, limits: { maxInstances: 1.5 } }, /"limits\.maxInstances" must be a whole number/],
    ["a placement that is none", { ...good, placement: "moon" }, /"placement" must be "inline", "thread" or "process"/],
    ["an unknown Python setting", { ...good, python: { intepreter: "shared" } }, /did you mean "interpreter"\?/],
    ["duplicate permissions", { ...good, permissions: ["a", "a"] }, /must not name a host function twice/],
    ["a __proto__ key", JSON.parse(`{"__proto__": 1, ${JSON.stringify(good).slice(1)}`), /unknown key "__proto__"/],
  ];
  it.each(rows)("%s", (_, manifest, message) => {
    expect(refusal(manifest).message).toMatch(message);
  });

  it("is told of every fault at once", () => {
    const { message } = refusal({ runtime: "quickjs", exports: [], modul: "x" });
    expect(message).toContain('"name" is missing');
    expect(message).toContain('"exports" must name');
    expect(message).toContain('did you mean "module"');
  });
});

describe("the JSON Schema", () => {
  const schema = JSON.parse(readFileSync(new URL("../extension.schema.json", import.meta.url), "utf8"));

  it("is what the definition says", () => {
    execFileSync(process.execPath, [fileURLToPath(new URL("../scripts/schema.mjs", import.meta.url)), "--check"]);
  });

  it("takes and refuses what the validator does", () => {
    const validate = new Ajv({ strict: true }).compile(schema);
    expect(validate(good)).toBe(true);
    expect(validate({ ...good, limits: { timeoutMs: 5 }, python: { path: ["lib"] } })).toBe(true);
    for (const change of [
      { name: "a/b" },
      { version: "1" },
      { exports: [] },
      { exports: ["a", "a"] },
      { modul: "x" },
      { limits: { maxInstances: 0 } },
      { limits: { timeout: 1 } },
      { placement: "moon" },
    ])
      expect([change, validate({ ...good, ...change })]).toEqual([change, false]);
  });
});

describe("a manifest that means harm", () => {
  const text = JSON.stringify(good).slice(1, -1);
  const lists = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
  const objects = (depth: number) => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
  const rows: [string, unknown, RegExp][] = [
    ["50,000 lists deep", `{${text},"quickjs":{"a":${lists(50_000)}}}`, /is nested more than 64 levels deep/],
    ["50,000 objects deep", `{${text},"python":${objects(50_000)}}`, /is nested more than 64 levels deep/],
    ["deep at its top", lists(50_000), /is nested more than 64 levels deep/],
    ["deep in the place of a name", `{${text},"description":${objects(50_000)}}`, /nested more than 64/],
    ["deep in a key that is unknown", `{${text},"zzzz":${lists(50_000)}}`, /nested more than 64/],
    ["deep without an end", "[".repeat(50_000), /is not JSON/],
    ["of many values", `{${text},"quickjs":[${"1,".repeat(60_000)}1]}`, /has more than 50000 values/],
    ["longer than a mebibyte", `{${text},"description":"${"x".repeat(2 ** 20)}"}`, /is larger than 1 MiB/],
    ["with a name twice", `{${text},"name":"other"}`, /"name" is there twice/],
    ["with a name twice, in escapes", `{${text},"\\u006eame":"other"}`, /"name" is there twice/],
    [
      "with a name twice, within",
      `{${text},"limits":{"maxInstances":1, "maxInstances" :2}}`,
      /"maxInstances" is there twice/,
    ],
    ["with the name of a method", { ...good, toString: 1 }, /unknown key "toString"/],
    ["with the name of a method, as an object", { ...good, constructor: {} }, /unknown key "constructor"/],
    [
      "with a __proto__ among the limits",
      `{${text},"limits":{"__proto__":{"maxInstances":1}}}`,
      /unknown key "limits\.__proto__"/,
    ],
    ["with a __proto__ that is an object", `{${text},"__proto__":{"placement":"inline"}}`, /unknown key "__proto__"/],
    [
      "whose runtime is the name of a method",
      { ...good, runtime: "constructor", constructor: 7 },
      /unknown key "constructor"/,
    ],
    ["with a thousand faults", { ...good, exports: Array(1000).fill(" ") }, /and \d+ more faults$/],
    ["with a very long key", { ...good, ["k".repeat(500_000)]: 1 }, /^.{0,1500}$/],
  ];
  it.each(rows)("is refused: %s", (_, manifest, message) => {
    expect(refusal(manifest).message).toMatch(message);
  });

  it("is refused as a value too, in circles and where one object is everywhere", () => {
    const circle: Record<string, unknown> = { ...good, quickjs: {} };
    (circle.quickjs as Record<string, unknown>).self = circle;
    expect(refusal(circle).message).toMatch(/nested more than 64/);
    let everywhere: unknown = 1;
    for (let i = 0; i < 40; i++) everywhere = [everywhere, everywhere];
    expect(refusal({ ...good, quickjs: { everywhere } }).message).toMatch(/more than 50000 values/);
  });

  it("takes no longer for many exports than it must", () => {
    const exports = Array.from({ length: 40_000 }, (_, i) => `f${i}`);
    expect(parseManifest(JSON.stringify({ ...good, exports }), "x").exports).toHaveLength(40_000);
    expect(refusal({ ...good, exports: [...exports, "f1"] }).message).toMatch(/"exports\.40000" must not name/);
  });

  it("may have a name in each of its objects", () => {
    expect(parseManifest(`{${text},"quickjs":{"name":"\\"a\\":","b":[{"b":1},{"b":"\\\\"}]}}`, "x").name).toBe(
      "validate-email",
    );
  });
});
