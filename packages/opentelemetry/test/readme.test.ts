import { execFile } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

it("the example of the README prints what it says", async () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const [, code, expected] = /^```js\n(.*?)^```$.*?^```text\n(.*?)^```$/ms.exec(readme)!;
  // Beside the package's own dependencies, where its imports are found.
  const file = fileURLToPath(new URL(`../example-${process.pid}.mjs`, import.meta.url));
  writeFileSync(file, code!.replace('"@extruntime/opentelemetry"', '"./dist/index.js"'));
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [file], { timeout: 120_000 });
    expect(stdout).toBe(expected);
  } finally {
    rmSync(file);
  }
});
