import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

/** docs/threat-model.md names a test for each line that is kept; here they are held against the tests that there are. */

const root = fileURLToPath(new URL("..", import.meta.url));
const page = readFileSync(join(root, "docs/threat-model.md"), "utf8");
const lines = page
  .split("\n")
  .filter((line) => /^\|/.test(line) && !/^\| (?:-|attack|engine \| attack|who )/.test(line))
  .map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
  .filter((cells) => /^`(?:packages|test)\/|^–$/.test(cells.at(-1)!));
const named = lines.filter((cells) => cells.at(-1) !== "–");

test("there are lines, and most of them have a test", () => {
  expect(named.length).toBeGreaterThan(25);
});

test.each(named.map((cells) => [cells.at(-1)!, cells.join(" | ")] as const))("%s", (cell) => {
  const [, file, name] = /^`([^`]+)`(?:: (.+))?$/.exec(cell)!;
  expect(existsSync(join(root, file!)), file).toBe(true);
  if (name !== undefined) expect(readFileSync(join(root, file!), "utf8")).toContain(name);
});

test.each(lines.filter((cells) => cells.at(-1) === "–").map((cells) => cells.join(" | ")))(
  "a line without a test says what is not kept: %s",
  (line) => {
    expect(line).toContain("**");
  },
);
