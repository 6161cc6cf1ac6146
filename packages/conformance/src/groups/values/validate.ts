import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { expectJson } from "../../expect/expect.ts";
import type { Subject } from "../../facts/facts.ts";
import { validateTable } from "../../values/validate-table.ts";
import type { Group } from "../test.ts";

/** The shared `validate` extension, in each of the engine's variants. */
export function validateGroup({ validate, capabilities }: Subject): Group {
  return {
    name: "the validate table",
    promise: "contract",
    tests: [
      {
        name: "there is a validate extension",
        run: async () => assert.ok(validate.length > 0, 'there is none: "validate" of the setup is empty'),
      },
      ...validate.map((variant, i) => ({
        name: `${variant} answers all ${validateTable.length} rows`,
        async run(bench: import("../../bench/bench.ts").Bench) {
          const folder = bench.validate[i]!;
          assert.ok(existsSync(folder), `there is no validate extension at ${folder}`);
          const module = await (await bench.runtime()).load(folder);
          for (const { name, payload, expected } of validateTable) {
            expectJson(await module.invoke("validate", payload), expected, `the answer to ${JSON.stringify(name)}`);
            if (!capabilities.sync) continue;
            expectJson(
              module.invokeSync("validate", payload),
              expected,
              `the synchronous answer to ${JSON.stringify(name)}`,
            );
          }
        },
      })),
    ],
  };
}
