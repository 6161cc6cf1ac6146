// Writes extension.schema.json from the definition that validates manifests. `--check` only compares.
import { readFile, writeFile } from "node:fs/promises";
import { toJsonSchema } from "@valibot/to-json-schema";
import { manifestDefinition } from "../dist/manifest/definition.js";

/**
 * Engines of this project in whose sections nothing can be set. What they bring themselves is what counts at a load; a test of each package compares
 * it with this.
 */
const EMPTY_SECTIONS = ["quickjs", "wasm", "v8"];

const file = new URL("../extension.schema.json", import.meta.url);

const schema = {
  title: "Extension manifest",
  description: "The extension.json of an extruntime extension.",
  ...toJsonSchema(manifestDefinition, {
    typeMode: "input",
    // A list that must not name anything twice is checked item by item here, and has a keyword of its own there.
    overrideAction: ({ valibotAction, jsonSchema }) =>
      valibotAction.type === "check_items" ? { ...jsonSchema, uniqueItems: true } : undefined,
  }),
};
for (const name of EMPTY_SECTIONS)
  schema.properties[name] = { type: "object", properties: {}, additionalProperties: false };
const text = `${JSON.stringify(schema, null, 2)}\n`;

if (process.argv.includes("--check")) {
  if ((await readFile(file, "utf8")) !== text) {
    console.error("extension.schema.json is not what the definition says: run the build and commit it");
    process.exitCode = 1;
  }
} else {
  await writeFile(file, text);
}
