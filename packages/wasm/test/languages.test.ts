import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { wasm } from "../src/index.ts";

interface Row {
  readonly name: string;
  readonly payload: string;
  readonly expected: unknown;
}

const FIXTURES = new URL("../../../fixtures/validate-email/", import.meta.url);
const TABLE = JSON.parse(readFileSync(new URL("table.json", FIXTURES), "utf8")) as Row[];
const GUESTS = [
  "wasm-assemblyscript",
  "wasm-rust",
  "wasm-rust-command",
  "wasm-c",
  "wasm-c-command",
  "wasm-go",
  "wasm-go-reactor",
];

describe.each(GUESTS)("the fixture %s", (guest) => {
  // Built by `node scripts/guests.mjs`, as far as the compilers are there.
  const isBuilt = existsSync(new URL(`${guest}/validate.wasm`, FIXTURES));

  it.skipIf(!isBuilt)("answers as the shared table says, and to overlapping calls too", async () => {
    const module = await wasm().load(fileURLToPath(new URL(guest, FIXTURES)));
    for (const { name, payload, expected } of TABLE)
      expect({ name, value: JSON.parse(await module.invoke("validate", payload)) }).toEqual({ name, value: expected });
    const answers = await Promise.all(TABLE.map(({ payload }) => module.invoke("validate", payload)));
    expect(answers.map((answer) => JSON.parse(answer))).toEqual(TABLE.map((row) => row.expected));
    await module.close();
  });
});
