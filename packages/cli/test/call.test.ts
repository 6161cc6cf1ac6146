import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cli, folderWith, remove } from "./cli.ts";

let folder: string;
beforeAll(() => {
  folder = folderWith({
    "shop/extension.json": {
      name: "shop",
      runtime: "quickjs",
      module: "shop.js",
      exports: ["echo", "fail", "spin", "cost"],
      permissions: ["price"],
    },
    "shop/shop.js": `export const echo = (value) => { console.log("got " + JSON.stringify(value)); console.error("\\u001b[2J"); return value; };
export const fail = () => { throw new TypeError("no such tea"); };
export const spin = () => { for (;;); };
export const cost = ({ item }) => host.call("price", { item });
`,
    "nat/extension.json": { name: "nat", runtime: "native", module: "nat.mjs", exports: ["hi", "end", "wait"] },
    "nat/nat.mjs": `export const hi = () => { setInterval(() => {}, 1000); console.log("a line"); return "hi"; };
export const end = () => process.exit(0);
export const wait = () => new Promise(() => {});
`,
    "away/extension.json": { name: "away", runtime: "v8", module: "away.js", exports: ["f"] },
    "away/away.js": "",
    "price.mjs": "export const price = ({ item }) => ({ tea: 3 })[item];\n",
    "value.json": '\ufeff{ "from": "a file" }',
  });
});
afterAll(() => remove(folder));

const call = (args: string[], options: { input?: string; env?: NodeJS.ProcessEnv } = {}) =>
  cli(["call", ...args], { cwd: folder, ...options });

describe.concurrent("extruntime call", () => {
  it("has the answer alone on standard output, and what the guest prints on standard error", async () => {
    expect(await call(["shop", "echo", '{"a":12345678901234567890}'])).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^\{"a":1234567890123456\d+\}\n$/),
      stderr: 'info  got {"a":12345678901234567000}\nerror \\u001b[2J\n',
    });
  });

  it.each([
    [["@value.json"], "", '{"from":"a file"}'],
    [["-"], '["from standard input"]', '["from standard input"]'],
    [[], "", "null"],
  ])("takes its value from %j", async (value, input, expected) => {
    const { stdout } = await call(["shop", "echo", ...value], { input });
    expect(stdout).toBe(`${expected}\n`);
  });

  it("tells an error of the guest with its place, and ends with 1", async () => {
    expect(await call(["shop", "fail"])).toEqual({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(
        /^✖ shop\.fail: TypeError: no such tea ERR_EXT_GUEST\n {4}at fail \(shop\.js:2:\d+\)\n$/,
      ),
    });
    const { code, stdout } = await call(["shop", "fail", "--json"]);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      error: { code: "ERR_EXT_GUEST", guest: { name: "TypeError" } },
    });
  });

  it("stops a call at its timeout", async () => {
    const { code, stderr } = await call(["shop", "spin", "--timeout", "300"]);
    expect(code).toBe(1);
    expect(stderr).toContain("ERR_EXT_TIMEOUT");
  });

  it("calls host functions from a module, and says how to give one that is not there", async () => {
    const args = ["shop", "cost", '{"item":"tea"}', "--json"];
    const given = await call([...args, "--function", "price=price.mjs", "--placement", "thread"]);
    expect(JSON.parse(given.stdout)).toMatchObject({ ok: true, runtime: "quickjs", placement: "thread", result: 3 });
    const missing = await call(args);
    expect(missing.code).toBe(1);
    expect(JSON.parse(missing.stdout).error.message).toContain("--function price=file.mjs");
  });

  it("keeps what the host's own JavaScript prints off standard output, and does not wait for its timers", async () => {
    const { code, stdout, stderr } = await call(["nat", "hi"]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '"hi"\n' });
    expect(stderr).toContain("a line");
  });

  it.each(["end", "wait"])("takes no end of the process for a success: %s", async (fn) => {
    const { code, stdout, stderr } = await call(["nat", fn]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("the process ended before the command did");
  });

  it.each([
    [["shop", "echo", "tea"], "the value must be JSON"],
    [["shop", "echo", "@nothing.json"], "cannot be read"],
    [["shop", "echo", "--timeout", "0"], "whole number of milliseconds"],
    [["shop", "echo", "--placement", "moon"], "inline, thread, process"],
    [["shop", "echo", "--function", "price"], "name=file.mjs"],
    [["shop", "echo", "--function", "price=value.mjs"], "cannot be imported"],
    [["shop"], "missing required argument 'fn'"],
  ])("ends with 2 for %j", async (args, message) => {
    const { code, stdout, stderr } = await call(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
  });

  it("ends with 3 where the engine is not there, and with 1 for a function that is not", async () => {
    const away = await call(["away", "f", "--json"]);
    expect(away.code).toBe(3);
    expect(JSON.parse(away.stdout).error.code).toBe("ERR_EXT_UNKNOWN_RUNTIME");
    expect((await call(["shop", "nothing"])).code).toBe(1);
  });
});

describe.concurrent("extruntime", () => {
  it("shows colours where they are asked for, and none in a pipe or with NO_COLOR, in CI too", async () => {
    const shown = async (env: NodeJS.ProcessEnv) =>
      (await cli(["check", "nowhere"], { env })).stdout.includes("\u001b[");
    expect(await shown({ FORCE_COLOR: "1" })).toBe(true);
    expect(await shown({ FORCE_COLOR: "1", NO_COLOR: "1" })).toBe(false);
    expect(await shown({ CI: "true" })).toBe(false);
  });

  it("proposes the command that was meant, as JSON too", async () => {
    const { code, stdout, stderr } = await cli(["chek", "--json"]);
    expect(code).toBe(2);
    expect(stderr).toContain("Did you mean check?");
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, error: { code: "USAGE" } });
  });

  it("has its exit codes in its help", async () => {
    const { code, stdout } = await cli(["--help"]);
    expect(code).toBe(0);
    expect(stdout).toContain("3   the engine that is wanted cannot be had here");
  });
});
