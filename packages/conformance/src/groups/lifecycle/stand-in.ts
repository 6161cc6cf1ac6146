import assert from "node:assert/strict";
import { refusal } from "../../expect/expect.ts";
import type { Subject } from "../../facts/facts.ts";
import type { Group } from "../test.ts";

/** A runtime that stands in for one that cannot run here: all that it promises is to say so. */
export function standInGroup(subject: Subject): Group {
  return {
    name: "standing in for an engine that cannot run here",
    promise: "contract",
    tests: [
      {
        name: "load fails with ERR_EXT_UNSUPPORTED, the reason and the remedy",
        async run(bench) {
          const runtime = await bench.runtime();
          const manifest = { name: "any", runtime: subject.runtime, module: "guest.txt", exports: ["run"] };
          const error = await refusal(
            () => runtime.load({ manifest, files: { "guest.txt": "" } }),
            "ERR_EXT_UNSUPPORTED",
            "load",
          );
          assert.ok(error.message.includes(runtime.unavailable!), "the error does not say what `unavailable` says");
        },
      },
    ],
  };
}
