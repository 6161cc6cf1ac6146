import { readdirSync, readFileSync } from "node:fs";
import { sep } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const PAGE = new URL("../../../docs/architecture.md", import.meta.url);
const SOURCES = fileURLToPath(new URL("../src/", import.meta.url));

it("docs/architecture.md has a line for every file of the core, and no other", () => {
  const [, list] = readFileSync(PAGE, "utf8").split("## Rooms of the core");
  let folder = "";
  const named = list!.split("\n").flatMap((line) => {
    const heading = /^### `(.+\/)`/.exec(line);
    if (heading !== null) folder = heading[1]!;
    const file = /^- `(.+\.ts)`: \S/.exec(line);
    return file === null ? [] : [folder + file[1]!];
  });
  const there = readdirSync(SOURCES, { recursive: true, encoding: "utf8" })
    .map((path) => path.split(sep).join("/"))
    .filter((path) => path.endsWith(".ts") && path.includes("/"));
  expect(named.sort()).toEqual(there.sort());
});
