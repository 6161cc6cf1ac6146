import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

it("the README's example runs as it is printed, and gives what its comment says", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const example = /```js\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  const expected = /\/\/ (\S+)\n/.exec(example)?.[1];
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  const output = execFileSync(process.execPath, ["--input-type=module", "-"], {
    cwd,
    input: example,
    encoding: "utf8",
  });
  expect(output.trim()).toBe(expected);
});
