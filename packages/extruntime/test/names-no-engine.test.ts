import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const src = fileURLToPath(new URL("../src/", import.meta.url));
/** The one place where they are named: see its first comment. */
const NAMED = join("manifest", "known-engines.ts");
/** `v8` as the engine is written: V8, which Node runs on, is another matter. */
const NAMES = /\b(?:quickjs|goja|wasm|wazero|v8|v8go|pyvm|pywasm|python|cpython|isolated-vm)\b/gi;

it("the core names its engines in one place only, since they describe themselves", () => {
  const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
  expect(files).toContain(NAMED);
  const named = files
    .filter((file) => file !== NAMED)
    .flatMap((file) =>
      readFileSync(join(src, file), "utf8")
        .split("\n")
        .flatMap((line, index) =>
          (line.match(NAMES) ?? []).filter((name) => name !== "V8").map((name) => `${file}:${index + 1}: ${name}`),
        ),
    );
  expect(named).toEqual([]);
});
