import { runInNewContext } from "node:vm";
import { type ExtensionError, type Logger, type Module, type NativeContext, native } from "extruntime";
import { fixture, validateTable } from "extruntime-fixtures";
import { describe, expect, it } from "vitest";

async function load(code: string, exports = ["run"], files: Record<string, string> = {}): Promise<Module> {
  return native().load({
    manifest: { name: "example", runtime: "native", module: "main.js", exports },
    files: { "main.js": code, ...files },
  });
}

describe("the shared fixture", () => {
  it("answers every row of the table", async () => {
    const module = await native().load(fixture("validate-email/native"));
    for (const { name, payload, expected } of validateTable) {
      expect([name, JSON.parse(await module.invoke("validate", payload))]).toEqual([name, expected]);
      expect([name, JSON.parse(module.invokeSync("validate", payload))]).toEqual([name, expected]);
    }
  });
});

describe("payloads", () => {
  const nested = `${"[".repeat(10_000)}${"]".repeat(10_000)}`;
  const rows: [string, string, string?][] = [
    ["null", "null"],
    ["scalars", "true"],
    ["white space around", " \n1 ", "1"],
    ["an empty string", '""'],
    ["minus zero, which JSON.stringify writes as zero", "-0", "0"],
    ["1e400, which becomes Infinity and has no JSON form", "1e400", "null"],
    ["an integer past 2^53, rounded", "9007199254740993", "9007199254740992"],
    ["a __proto__ key, which stays a key", '{"__proto__":{"polluted":true}}'],
    ["NUL, escaped", '"\\u0000"'],
    ["lone surrogates, escaped", '"\\ud800"'],
    ["lone surrogates, raw, which come back escaped", '"\ud800"', '"\\ud800"'],
    ["key order, but for integers", '{"b":1,"a":2,"1":3}', '{"1":3,"b":1,"a":2}'],
    ["10 MB", JSON.stringify("é".repeat(5_000_000))],
    [
      "every plane of Unicode",
      JSON.stringify(Array.from({ length: 17 }, (_, plane) => String.fromCodePoint(plane * 0x10000 + 0x1234))),
    ],
    ["duplicate keys, of which the last counts", '{"a":1,"a":2}', '{"a":2}'],
  ];
  it.each(rows)("%s", async (_, payload, expected = payload) => {
    const echo = await native().load(fixture("guests/native/echo"));
    expect(await echo.invoke("echo", payload)).toBe(expected);
  });

  it("10,000 levels deep come back, or fail with a clear error", async () => {
    const echo = await native().load(fixture("guests/native/echo"));
    const answer = await echo.invoke("echo", nested).catch((error: unknown) => error);
    if (answer !== nested) expect(answer).toMatchObject({ code: "ERR_EXT_BAD_RESULT", message: /call stack/ });
    expect(await echo.invoke("echo", "1")).toBe("1");
  });

  it.each(["", " ", "{", "undefined", "NaN", "'a'", '{"a":1}x', "01", "[1,]", '"\n"', "1\0", "\uFEFF1", '"\\x"'])(
    "that are not JSON never reach the guest: %j",
    async (payload) => {
      const module = await load("export let calls = 0; export function run() { return ++calls; }");
      await expect(module.invoke("run", payload)).rejects.toMatchObject({
        code: "ERR_EXT_BAD_PAYLOAD",
        function: "run",
      });
      expect(() => module.invokeSync("run", payload)).toThrow(/the payload is not JSON/);
      expect(await module.call("run")).toBe(1);
    },
  );

  it("cannot pollute a prototype", async () => {
    const echo = await native().load(fixture("guests/native/echo"));
    await echo.invoke("echo", '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

describe("what a guest throws", () => {
  const rows: [string, string, object][] = [
    ["an Error", "throw new RangeError('too far')", { name: "RangeError", message: "too far" }],
    [
      "an error of a class of its own",
      "class Odd extends Error { name = 'Odd' }; throw new Odd('x')",
      { name: "Odd", message: "x" },
    ],
    ["text", "throw 'just text'", { name: "thrown value", message: "just text" }],
    ["null", "throw null", { message: "null" }],
    ["undefined", "throw undefined", { message: "undefined" }],
    ["a number", "throw 7", { message: "7" }],
    ["a symbol", "throw Symbol('s')", { message: "Symbol(s)" }],
    ["a plain object", "throw { a: 1 }", { message: '{"a":1}' }],
    [
      "what looks like an error",
      "throw { name: 'N', message: 'm', stack: 's' }",
      { name: "N", message: "m", stack: "s" },
    ],
    ["an object whose getters throw", "throw { get message() { throw 1 } }", { message: /cannot be shown/ }],
    [
      "a revoked proxy",
      "const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); throw proxy",
      { message: /cannot be shown/ },
    ],
    ["a function", "throw () => {}", { message: "() => {}" }],
    [
      "a promise that rejects",
      "return Promise.reject(new TypeError('later'))",
      { name: "TypeError", message: "later" },
    ],
    [
      "a thenable that throws",
      "return { then() { throw new TypeError('then') } }",
      { name: "TypeError", message: "then" },
    ],
  ];
  it.each(rows)("%s", async (_, body, guest) => {
    const module = await load(`export function run() { ${body} }`);
    await expect(module.invoke("run", "1")).rejects.toMatchObject({
      code: "ERR_EXT_GUEST",
      extension: "example",
      function: "run",
      guest: matching(guest),
    });
    expect(module.stats()).toMatchObject({ failures: 1, running: 0, instances: 1 });
  });

  function matching(guest: object): object {
    return Object.fromEntries(
      Object.entries(guest).map(([key, value]) => [
        key,
        value instanceof RegExp ? expect.stringMatching(value) : value,
      ]),
    );
  }

  it("has the guest's file and line in its stack", async () => {
    const module = await load("export function run() {\n  throw new Error('here');\n}");
    const error = await module.invoke("run", "1").catch((thrown: unknown) => thrown as ExtensionError);
    expect((error as ExtensionError).guest?.stack).toMatch(/main\.js\?extruntime=\d+:2:9/);
  });

  it("may come from another realm", async () => {
    const foreign = runInNewContext("new TypeError('foreign')");
    const module = await native({
      functions: {
        example: {
          run: () => {
            throw foreign;
          },
        },
      },
    }).load({ manifest: { name: "example", runtime: "native", exports: ["run"] }, files: {} });
    await expect(module.invoke("run", "1")).rejects.toMatchObject({ guest: { name: "TypeError", message: "foreign" } });
  });
});

describe("what a guest returns", () => {
  it.each([
    ["nothing", "", null],
    ["undefined", "return undefined", null],
    ["a promise", "return Promise.resolve([1])", [1]],
    ["a thenable", "return { then: (done) => done(2) }", 2],
    ["NaN, as JSON.stringify does", "return NaN", null],
    ["an object with toJSON", "return new Date(0)", "1970-01-01T00:00:00.000Z"],
  ])("%s", async (_, body, expected) => {
    expect(await (await load(`export function run() { ${body} }`)).call("run")).toEqual(expected);
  });

  it.each([
    ["a function", "return () => {}", /a function/],
    ["a symbol", "return Symbol()", /a symbol/],
    ["a cycle", "const a = {}; a.a = a; return a", /circular/],
    ["a BigInt", "return 1n", /BigInt/],
    ["a promise of a BigInt", "return Promise.resolve(1n)", /BigInt/],
    ["an object whose toJSON throws", "return { toJSON() { throw new Error('no') } }", /no/],
  ])("without a JSON form is ERR_EXT_BAD_RESULT: %s", async (_, body, message) => {
    const module = await load(`export function run() { ${body} }`);
    await expect(module.invoke("run", "1")).rejects.toMatchObject({
      code: "ERR_EXT_BAD_RESULT",
      message: expect.stringMatching(message),
    });
  });
});

describe("state", () => {
  it("belongs to the instance, and no other module sees it, of the same folder too", async () => {
    const runtime = native();
    const [a, b] = await Promise.all([
      runtime.load(fixture("guests/native/counter")),
      runtime.load(fixture("guests/native/counter")),
    ]);
    expect([await a.call("next"), await a.call("next"), await b.call("next")]).toEqual([1, 2, 1]);
  });

  it("gives each of the calls that overlap an instance of its own, and keeps the pool's bound", async () => {
    const code =
      "let busy = false; export async function run(value) { if (busy) throw new Error('shared'); busy = true; await new Promise((done) => setTimeout(done, 1)); busy = false; return value; }";
    const module = await native().load({
      manifest: {
        name: "example",
        runtime: "native",
        module: "main.js",
        exports: ["run"],
        limits: { maxInstances: 4 },
      },
      files: { "main.js": code },
    });
    const results = await Promise.all(Array.from({ length: 1000 }, (_, i) => module.call("run", i)));
    expect(results).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(module.stats()).toMatchObject({ instances: 4, instancesCreated: 4 });
  });
});

describe("loading", () => {
  it("runs files that import each other, kept in memory", async () => {
    const module = await load(
      "import { twice } from './lib/twice.js'; export const run = (value) => twice(value);",
      ["run"],
      { "lib/twice.js": "export const twice = (n) => n * 2;" },
    );
    expect(await module.call("run", 4)).toBe(8);
    await module.close();
  });

  it.each([
    ["a syntax error", "export function run( {", "SyntaxError"],
    ["a top level that throws", "throw new TypeError('early')", "TypeError"],
    ["an import that is not there", "import './missing.js'; export function run() {}", "Error"],
  ])("fails on %s", async (_, code, name) => {
    await expect(load(code)).rejects.toMatchObject({ code: "ERR_EXT_GUEST", extension: "example", guest: { name } });
  });

  it("fails on an export that is not there, or is no function, and says what is", async () => {
    const missing = { code: "ERR_EXT_UNKNOWN_FUNCTION", function: "run" };
    await expect(load("export function ran() {}; export const other = 1;")).rejects.toMatchObject({
      ...missing,
      message: "example.run: its manifest exports run, and main.js has no such function; it has ran",
    });
    await expect(load("export const run = 1")).rejects.toMatchObject(missing);
  });

  it("takes functions that the host registers, with a context", async () => {
    const lines: string[] = [];
    const logger: Logger = { info: (message) => void lines.push(message) };
    const run = (value: number, context: NativeContext) => {
      context.log("info", context.extension);
      return value + 1;
    };
    const runtime = native({
      logger,
      functions: { example: { run } },
    });
    const manifest = { name: "example", runtime: "native", exports: ["run"] };
    const module = await runtime.load({ manifest, files: {} });
    expect([module.invokeSync("run", "1"), lines]).toEqual(["2", ["example"]]);
    await expect(runtime.load({ manifest: { ...manifest, name: "constructor" }, files: {} })).rejects.toMatchObject({
      code: "ERR_EXT_BAD_MANIFEST",
    });
    await expect(runtime.load({ manifest: { ...manifest, exports: ["toString"] }, files: {} })).rejects.toMatchObject({
      code: "ERR_EXT_UNKNOWN_FUNCTION",
    });
  });

  it("refuses limits, since nothing could keep them", async () => {
    const code = {
      manifest: { name: "example", runtime: "native", module: "main.js", exports: ["run"] },
      files: { "main.js": "export function run() {}" },
    };
    for (const limits of [{ timeoutMs: 5 }, { memoryMb: 5 }])
      await expect(native().load(code, { limits })).rejects.toMatchObject({ code: "ERR_EXT_UNSUPPORTED" });
  });
});
