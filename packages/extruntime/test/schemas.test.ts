import {
  type ExtensionFiles,
  ExtensionHost,
  type JsonSchema,
  type Module,
  native,
  openExtension,
  type Placement,
} from "extruntime";
import { describe, expect, it } from "vitest";

const runtime = native();

const CODE = `
export const echo = (value) => value;
export const fail = () => { throw new Error("the guest ran"); };
export const later = async (value) => value;
`;

function extension(exports: unknown[], files: Record<string, string> = {}): ExtensionFiles {
  const manifest = { name: "typed", runtime: "native", module: "main.js", exports };
  return { manifest: manifest as never, files: { "main.js": CODE, ...files } };
}

async function withSchemas(input?: JsonSchema | string, output?: JsonSchema | string): Promise<Module> {
  return runtime.load(extension(["echo", "fail", "later"].map((name) => ({ name, input, output }))));
}

const person: JsonSchema = {
  type: "object",
  properties: {
    name: { type: "string", minLength: 1 },
    tags: { items: { enum: ["a", "b"] } },
    "a/b~c": { type: ["integer", "null"] },
  },
  required: ["name"],
  additionalProperties: false,
};

describe("a payload that does not fit", () => {
  const rows: [unknown, string][] = [
    [1, 'at "" (the value as a whole) it must be an object, and is 1'],
    [{}, 'at "" (the value as a whole) it must have the member "name", and is an object'],
    [{ name: 5 }, 'at "/name" it must be a string, and is 5'],
    [{ name: "x", tags: ["a", "c"] }, 'at "/tags/1" it must be "a" or "b", and is "c"'],
    [{ name: "x", "a/b~c": 1.5 }, 'at "/a~1b~0c" it must be an integer or null, and is 1.5'],
    [{ name: "x", extra: 1 }, 'must not have the member "extra" (known are "name", "tags", "a/b~c")'],
  ];

  it("is refused before the guest runs, with a pointer and what was wanted, in every kind of call", async () => {
    const module = await withSchemas(person);
    for (const [value, message] of rows) {
      const refused = { code: "ERR_EXT_BAD_PAYLOAD", extension: "typed", message: expect.stringContaining(message) };
      const payload = JSON.stringify(value);
      for (const fn of ["echo", "fail", "later"]) {
        await expect(module.invoke(fn, payload)).rejects.toMatchObject({ ...refused, function: fn });
        await expect(module.call(fn, value)).rejects.toMatchObject({ ...refused, function: fn });
        expect(() => module.invokeSync(fn, payload)).toThrow(expect.objectContaining({ ...refused, function: fn }));
      }
    }
    expect(module.stats()).toMatchObject({ calls: 0, running: 0 });
    await expect(module.call("fail", { name: "x" })).rejects.toThrow("the guest ran");
    expect(await module.call("echo", { name: "x", tags: ["b"] })).toEqual({ name: "x", tags: ["b"] });
  });

  it("may be no JSON at all, and a closed module or an unknown function is told first", async () => {
    const module = await withSchemas(person);
    await expect(module.invoke("echo", "{")).rejects.toThrow("the payload is not JSON");
    await expect(module.invoke("none", "1")).rejects.toMatchObject({ code: "ERR_EXT_UNKNOWN_FUNCTION" });
    await module.close();
    await expect(module.invoke("echo", "1")).rejects.toMatchObject({ code: "ERR_EXT_CLOSED" });
  });
});

describe("a result that does not fit", () => {
  it.each<Placement>(["inline", "thread"])(
    "is refused at placement %s, and counted as a failure",
    async (placement) => {
      await using placed = native({ placement });
      const module = await placed.load(extension(["later", { name: "echo", output: { type: "number" } }]));
      expect(await module.call("echo", 1)).toBe(1);
      const refused = {
        code: "ERR_EXT_BAD_RESULT",
        function: "echo",
        message: expect.stringContaining('must be a number, and is "x"'),
      };
      await expect(module.call("echo", "x")).rejects.toMatchObject(refused);
      await expect(module.invoke("echo", '"x"')).rejects.toMatchObject(refused);
      expect(() => module.invokeSync("echo", '"x"')).toThrow(expect.objectContaining(refused));
      expect(await module.call("later", "x")).toBe("x");
      expect(module.stats()).toMatchObject({ calls: 5, failures: 3, running: 0, busy: 0 });
    },
  );

  it("of an asynchronous guest is refused as well", async () => {
    const module = await withSchemas(undefined, { type: "number" });
    await expect(module.call("later", "x")).rejects.toMatchObject({ code: "ERR_EXT_BAD_RESULT" });
    expect(await module.call("later", 1)).toBe(1);
  });
});

describe("a source that is run", () => {
  it("is checked by the schemas of its request", async () => {
    await using host = new ExtensionHost({ runtimes: [runtime] });
    const request = { runtime: "native", source: "export const run = (value) => value;", share: true } as const;
    expect(await host.run(request, "x")).toBe("x");
    const number = { type: "number" } as const;
    await expect(host.run({ ...request, input: number }, "x")).rejects.toMatchObject({ code: "ERR_EXT_BAD_PAYLOAD" });
    await expect(host.run({ ...request, output: number }, "x")).rejects.toMatchObject({ code: "ERR_EXT_BAD_RESULT" });
    expect(await host.run({ ...request, input: number, output: number }, 1)).toBe(1);
  });
});

describe("schemas", () => {
  it("may be files of the extension, and are described as they are", async () => {
    const files = { "schemas/in.json": JSON.stringify(person) };
    const module = await runtime.load(
      extension(
        ["later", { name: "echo", description: "Gives it back.", input: "schemas/in.json", output: true }],
        files,
      ),
    );
    expect(module.exports).toEqual(["later", "echo"]);
    expect(module.describe()).toEqual([
      { name: "later", description: undefined, input: undefined, output: undefined },
      { name: "echo", description: "Gives it back.", input: person, output: true },
    ]);
    expect(Object.isFrozen(module.describe())).toBe(true);
    await expect(module.call("echo", 1)).rejects.toMatchObject({ code: "ERR_EXT_BAD_PAYLOAD" });
  });

  const bad: [string, JsonSchema | string, string][] = [
    ["an unknown type", { properties: { a: { type: "strnig" } } }, 'input/properties/a/type must be "array"'],
    ["a negative length", { minLength: -1 }, "input/minLength must be >= 0, and is -1"],
    [
      "another dialect",
      { $schema: "http://json-schema.org/draft-07/schema#" },
      "input/$schema must be https://json-schema.org/draft/2020-12/schema",
    ],
    [
      "a remote $ref",
      { items: { $ref: "https://example.com/x.json" } },
      "input/items/$ref must stay in its own schema",
    ],
    ["a $ref to another file", { $ref: "../../etc/passwd" }, "input/$ref must stay in its own schema"],
    ["a $ref that leads nowhere", { $ref: "#/$defs/none" }, "input/$ref leads to no schema"],
    ["a $ref into what is no schema", { $ref: "#/enum/0", enum: [{}] }, "input/$ref leads to no schema"],
    ["a $ref to itself", { $ref: "#" }, "input leads back to itself at the same value"],
    [
      "a loop of several",
      { $defs: { a: { anyOf: [{ $ref: "#/$defs/b" }] }, b: { not: { $ref: "#/$defs/a" } } } },
      "leads back to",
    ],
    [
      "lookaround in a pattern",
      { pattern: "(?=a)" },
      "input/pattern is no regular expression that can be matched in linear time",
    ],
    [
      "a pattern that is none",
      { patternProperties: { "(": true } },
      "input/patternProperties/( is no regular expression",
    ],
    ["too many schemas", { allOf: Array.from({ length: 1001 }, () => ({})) }, "more than 1000 schemas"],
    ["a file that is not there", "in.json", "in.json is not among its files"],
    ["a path that leaves the folder", "../in.json", '"exports.0.input" must stay inside the folder'],
    ["an absolute path", "/in.json", '"exports.0.input" must be a relative path'],
    ["a file that is no JSON", "main.js", "which is not JSON"],
    ["a list", "list.json", "which is no JSON Schema"],
    ["a name that is there twice", "twice.json", 'has the name "type" twice'],
    ["a deep file", "deep.json", "is nested more than 64 levels deep"],
    ["a wrong file", "wrong.json", "the schema at wrong.json#/type must be"],
  ];
  const files = {
    "list.json": "[]",
    "twice.json": '{"type":"string","type":"number"}',
    "deep.json": `${'{"not":'.repeat(80)}{}${"}".repeat(80)}`,
    "wrong.json": '{"type":1}',
  };

  it.each(bad)("refuse %s", async (_, input, message) => {
    const loading = runtime.load(extension([{ name: "echo", input }], files));
    await expect(loading).rejects.toMatchObject({
      code: "ERR_EXT_BAD_MANIFEST",
      message: expect.stringContaining(message),
    });
  });

  it("take no word of a compiler's own, and need none of its formats", async () => {
    const module = await withSchemas({
      $async: true,
      type: "string",
      nullable: true,
      format: "nothing",
      id: 5,
      "x-own": 1,
    } as never);
    await expect(module.call("echo", null)).rejects.toMatchObject({ code: "ERR_EXT_BAD_PAYLOAD" });
    expect(await module.call("echo", "x")).toBe("x");
    expect(() => module.invokeSync("echo", "null")).toThrow("must be a string");
  });

  it("are told with all other faults of a manifest", async () => {
    const exports = ["echo", { name: "echo" }, { name: "a", inputs: {} }, { name: "__b", input: 5 }, 7];
    await expect(openExtension(extension(exports))).rejects.toThrow(
      /"exports\.1" must not name a function twice|unknown key "exports\.2\.inputs"; did you mean "input"/,
    );
    await expect(openExtension(extension([{ name: "a", inputs: {} }]))).rejects.toThrow(
      'unknown key "exports.0.inputs"; did you mean "input"?',
    );
  });
});

describe("a schema that would hold the host's thread", () => {
  const nested = (depth: number) => JSON.parse(`${'{"x":'.repeat(depth)}1${"}".repeat(depth)}`) as unknown;
  const both = { properties: { x: { $ref: "#/$defs/a" } }, patternProperties: { "^x": { $ref: "#/$defs/a" } } };
  const rows: [string, JsonSchema, unknown, boolean][] = [
    ["a regular expression that explodes", { pattern: "^(a+)+$" }, `${"a".repeat(50_000)}!`, false],
    ["a nested value that is looked at twice a level", { $ref: "#/$defs/a", $defs: { a: both } }, nested(60), false],
    [
      "a long list without two equal items",
      { uniqueItems: true },
      Array.from({ length: 100_000 }, (_, i) => ({ i })),
      true,
    ],
    ["a long list for contains", { contains: { type: "string" } }, Array.from({ length: 500_000 }, () => 0), false],
    [
      "a long enum for each item",
      { items: { enum: Array.from({ length: 5000 }, (_, i) => [i]) } },
      Array.from({ length: 20_000 }, () => [4999]),
      false,
    ],
  ];

  it.each(rows)("ends soon: %s", async (_, input, value, fits) => {
    const module = await runtime.load(extension([{ name: "echo", input }]));
    const before = process.cpuUsage();
    const answer = module.call("echo", value);
    if (fits) await answer;
    else await expect(answer).rejects.toMatchObject({ code: "ERR_EXT_BAD_PAYLOAD" });
    // Each takes hours, or gigabytes, without its bound.
    expect(process.cpuUsage(before).user / 1e6).toBeLessThan(20);
  });
});
