import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { EXIT } from "../dist/index.js";
import { folderWith, remove } from "./cli.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

it("the example of the README prints what it says", async () => {
  const [, code, expected] = /^```js\n(.*?)^```$.*?^```text\n(.*?)^```$/ms.exec(readme)!;
  const folder = folderWith({ "package.json": {} });
  try {
    const file = join(folder, "example.mjs");
    const cli = new URL("../dist/index.js", import.meta.url).href;
    // Its engines are those that this package develops with.
    const here = `process.argv[1] = ${JSON.stringify(new URL("../dist/bin.js", import.meta.url).pathname)};\n`;
    writeFileSync(file, here + code!.replace('"@extruntime/cli"', JSON.stringify(cli)));
    const { stdout } = await promisify(execFile)(process.execPath, [file], { cwd: folder });
    expect(stdout).toBe(expected);
  } finally {
    remove(folder);
  }
});

it("the README has every exit code, and no other", () => {
  const [, table] = readme.split("## Exit codes");
  const told = [...table!.split("## ")[0]!.matchAll(/^\| (\d+) /gm)].map(([, code]) => Number(code));
  expect(told).toEqual(Object.values(EXIT));
});
