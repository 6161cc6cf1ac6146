import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cli, folderWith, remove } from "./cli.ts";

// biome-ignore lint/suspicious/noTemplateCurlyInString: it is the source of a guest.
const GREET = "export function greet({ name }) {\n  return `Hello, ${name}!`;\n}\n";
const manifest = (more: object = {}) => ({
  name: "hello",
  version: "1.2.3",
  runtime: "quickjs",
  module: "hello.js",
  exports: ["greet"],
  ...more,
});

let folder: string;
beforeAll(() => {
  folder = folderWith({
    "good/extension.json": manifest(),
    "good/hello.js": GREET,
    "faults/extension.json": `{
  "name": "a b",
  "runtime": "quickjs",
  "module": "../m.js",
  "permision": ["x"],
  "exports": ["a", "a", "1x"],
  "limits": { "timeoutMs": 0, "tiemoutMs": 1 }
}
`,
    "syntax/extension.json": `{
  // a comment
  "name": "x",
  "runtime": "quickjs"
  "exports": ["a",],
  "name": 'y',
  "limits": { "memoryMb": "many" },
}
`,
    "exports/extension.json": manifest({ exports: ["greet", "bye", "hello"] }),
    "exports/hello.js": GREET,
    "source/extension.json": manifest(),
    "source/hello.js": "export function greet() {\n  return 1 +;\n}\n",
    "native/extension.json": manifest({ runtime: "native", module: "hello.mjs" }),
    "native/hello.mjs": `${GREET}process.exit(7);\n`,
    "thrown/extension.json": manifest({ runtime: "native", module: "hello.mjs" }),
    "thrown/hello.mjs": `${GREET}const nothing = undefined;\nnothing.at.all();\n`,
    "limits/extension.json": manifest({ runtime: "native", module: "hello.mjs", limits: { timeoutMs: 100 } }),
    "limits/hello.mjs": GREET,
    "forever/extension.json": manifest({ limits: { loadTimeoutMs: 300 } }),
    "forever/hello.js": "for (;;);\n",
    "engine/extension.json": manifest({ runtime: "v8" }),
    "engine/hello.js": GREET,
    "strangers/extension.json": manifest({
      limits: { timeoutMs: 5000, memoryMb: 512 },
      permissions: ["price", "stock"],
    }),
    "strangers/hello.js": `${GREET}// host.call("price")\n`,
    "escapes/extension.json": '{ "name": "\u001b[31mred", "runtime": "quickjs", "exports": ["greet"] }',
    "deep/extension.json": "[".repeat(200_000),
    "linked/README.md": "",
    "secret.json": '{ "password": "tea" }',
  });
  symlinkSync(join(folder, "secret.json"), join(folder, "linked", "extension.json"));
});
afterAll(() => remove(folder));

const check = (name: string, ...more: string[]) => cli(["check", name, ...more], { cwd: folder });

async function problems(name: string): Promise<Record<string, unknown>[]> {
  return JSON.parse((await check(name, "--json")).stdout).problems;
}

describe.concurrent("extruntime check", () => {
  it("says what a good extension has, and ends with 0", async () => {
    const { code, stdout, stderr } = await check("good");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toBe(
      "✔ hello 1.2.3 loads in quickjs\n  exports     greet\n  permissions none\n  placements  inline, thread, process\n",
    );
  });

  it("tells every fault of a manifest with its place, in their order", async () => {
    const { code, stdout } = await check("faults", "--json");
    expect(code).toBe(1);
    const report = JSON.parse(stdout);
    expect(report.ok).toBe(false);
    expect(report.problems.map(({ line, column, message }: never) => `${line}:${column} ${message}`)).toEqual([
      expect.stringMatching(/^2:11 "name" must consist of letters/),
      expect.stringMatching(/^4:13 "module" must stay inside the folder/),
      '5:3 unknown key "permision"; did you mean "permissions"?',
      expect.stringMatching(/^6:20 "exports.1" must not name a function twice/),
      expect.stringMatching(/^6:25 "exports.2" must be function names/),
      expect.stringMatching(/^7:28 "limits.timeoutMs" must be a whole number/),
      '7:31 unknown key "limits.tiemoutMs"; did you mean "timeoutMs"?',
    ]);
  });

  it("shows a fault in its lines, with a mark below it", async () => {
    const { stdout } = await check("faults");
    expect(stdout).toContain(
      [
        'faults/extension.json:5:3 error unknown key "permision"; did you mean "permissions"? ERR_EXT_BAD_MANIFEST',
        '  3 |   "runtime": "quickjs",',
        '  4 |   "module": "../m.js",',
        '> 5 |   "permision": ["x"],',
        "    |   ^^^^^^^^^^^",
        '  6 |   "exports": ["a", "a", "1x"],',
      ].join("\n"),
    );
    expect(stdout).toMatch(/\n✖ 7 errors\n$/);
  });

  it("tells every fault of a text that is no JSON, and of the values in it", async () => {
    const told = (await problems("syntax")).map(({ line, column, message }) => `${line}:${column} ${message}`);
    expect(told).toEqual([
      "2:3 JSON has no comments",
      "5:3 a comma is missing before this",
      "5:18 this comma is one too many: JSON has none after the last value",
      '6:3 "name" is there twice in one object; first at line 3',
      expect.stringMatching(/^6:11 this is no JSON value/),
      expect.stringMatching(/^7:27 "limits.memoryMb" must be a whole number/),
      "7:35 this comma is one too many: JSON has none after the last value",
    ]);
  });

  it("tells each export that the source does not have", async () => {
    const told = (await problems("exports")).map(({ line, code, message }) => [line, code, message]);
    expect(told).toEqual([
      [8, "ERR_EXT_UNKNOWN_FUNCTION", "its manifest exports bye, and hello.js has no such function; it has greet"],
      [9, "ERR_EXT_UNKNOWN_FUNCTION", "its manifest exports hello, and hello.js has no such function; it has greet"],
    ]);
  });

  it.each([
    ["source", "source/hello.js", 2, 13],
    ["thrown", "thrown/hello.mjs", 5, 9],
  ])("shows where the source of %s is at fault", async (name, file, line, column) => {
    expect((await problems(name))[0]).toMatchObject({ code: "ERR_EXT_GUEST", file, line, column });
  });

  it("runs the host's own JavaScript in a process, which may end itself", async () => {
    const [first] = await problems("native");
    expect(first).toMatchObject({ severity: "error", code: "ERR_EXT_CRASHED" });
  });

  it("warns of a limit that is not kept where the extension runs, and shows one that was passed", async () => {
    const { code, stdout } = await check("limits", "--json");
    const { placements, problems: told } = JSON.parse(stdout);
    expect({ code, placements }).toEqual({ code: 0, placements: ["thread", "process"] });
    expect(told[0]).toMatchObject({
      code: "limits",
      line: 10,
      remedy: expect.stringContaining('"placement": "thread"'),
    });
    expect((await problems("forever"))[0]).toMatchObject({ code: "ERR_EXT_TIMEOUT", line: 10 });
  });

  it("ends with 3 where the engine is not there, and says what to install", async () => {
    const { code, stdout } = await check("engine");
    expect(code).toBe(3);
    expect(stdout).toContain("→ Run: npm install @extruntime/v8");
  });

  it("warns of all that a policy for strangers refuses, and of permissions that are not used; with --strict it fails", async () => {
    const { code, stdout } = await check("strangers", "--strict", "--json");
    expect(code).toBe(1);
    const { problems } = JSON.parse(stdout);
    expect(problems.map(({ severity, code, message }: never) => [severity, code, message])).toEqual([
      ["warning", "unused-permission", expect.stringContaining('"stock"')],
      ["warning", "strangers", expect.stringContaining("limits.timeoutMs of 5000")],
      ["warning", "strangers", expect.stringContaining("limits.memoryMb of 512")],
    ]);
    expect((await check("strangers")).code).toBe(0);
    expect((await problemsOf("thrown")).at(-1)).toContain("requires hardSandbox to be true");
  });

  it("lets no text of an extension steer the terminal", async () => {
    const { code, stdout } = await check("escapes");
    expect(code).toBe(1);
    expect(stdout).toContain("\\u001b[31mred");
    expect(stdout).not.toContain("\u001b");
  });

  it("takes a manifest that is nested without end for a fault of it", async () => {
    const { code, stdout } = await check("deep", "--json");
    expect({ code, problems: JSON.parse(stdout).problems.length > 0 }).toEqual({ code: 1, problems: true });
  });

  it("shows nothing of a file outside the folder, which a link leads to", async () => {
    const { code, stdout } = await check("linked");
    expect(code).toBe(1);
    expect(stdout).toContain("is a symbolic link that leads outside the folder");
    expect(stdout).not.toContain("password");
  });

  it("says what to do where there is no extension", async () => {
    const { code, stdout } = await check("nowhere");
    expect(code).toBe(1);
    expect(stdout).toContain("nowhere/extension.json error there is no such file");
    expect(stdout).toContain("extruntime init");
  });
});

async function problemsOf(name: string): Promise<unknown[]> {
  return (await problems(name)).map(({ message }) => message);
}
