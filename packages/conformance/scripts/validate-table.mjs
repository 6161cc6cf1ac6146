// Puts the table of the `validate` extensions beside the conformance kit, so that it ships with it.
import { mkdir, readFile, writeFile } from "node:fs/promises";

const table = JSON.parse(
  await readFile(new URL("../../../fixtures/validate-email/table.json", import.meta.url), "utf8"),
);
await mkdir(new URL("../dist/values/", import.meta.url), { recursive: true });
await writeFile(new URL("../dist/values/validate-table.json", import.meta.url), JSON.stringify(table));
