import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cli, folderWith, remove } from "./cli.ts";

let folder: string;
beforeAll(() => {
  folder = folderWith({ "taken/extension.json": "{}" });
});
afterAll(() => remove(folder));

const run = (...args: string[]) => cli(args, { cwd: folder });

describe.concurrent("extruntime init", () => {
  it.each([
    ["javascript", "quickjs", "index.mjs"],
    ["javascript", "native", "index.mjs"],
    ["python", "pyvm", "main.py"],
  ])("makes an extension in %s for %s that passes check and test at once", async (language, runtime, module) => {
    const name = `hello-${runtime}`;
    const made = await run("init", name, "--language", language, "--runtime", runtime, "--json");
    expect(JSON.parse(made.stdout)).toMatchObject({
      ok: true,
      name,
      runtime,
      files: ["extension.json", module, "cases.json", "README.md"].map((file) => join(name, file)),
    });
    expect(JSON.parse(readFileSync(join(folder, name, "extension.json"), "utf8")).$schema).toBe(
      "../node_modules/extruntime/extension.schema.json",
    );
    const checked = await run("check", name, "--json");
    const errors = JSON.parse(checked.stdout).problems.filter(
      ({ severity }: { severity: string }) => severity === "error",
    );
    expect({ code: checked.code, errors }).toEqual({ code: 0, errors: [] });
    const tested = await run("test", name);
    expect(tested.stdout).toMatch(/✔ 2 passed\n$/);
    expect(tested.code).toBe(0);
  });

  it("says what to do next", async () => {
    const { code, stdout } = await run("init", "a b", "--name", "ab");
    expect(code).toBe(0);
    expect(stdout).toContain("npx extruntime check 'a b'");
  });

  it("changes nothing that is there", async () => {
    const { code, stderr } = await run("init", "taken");
    expect(code).toBe(2);
    expect(stderr).toContain("taken has extension.json already");
    expect(readFileSync(join(folder, "taken", "extension.json"), "utf8")).toBe("{}");
  });

  it.each([
    [["init", "x", "--language", "cobol"], "javascript, python"],
    [["init", "x", "--language", "python", "--runtime", "quickjs"], "is one of pyvm"],
    [["init", "what a name!"], "give another one with --name"],
  ])("ends with 2 for %j", async (args, message) => {
    const { code, stderr } = await run(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
