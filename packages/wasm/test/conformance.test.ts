import { conformance } from "extruntime/conformance";
import { describe, it } from "vitest";
import { fixture, isBuilt, validateVariants } from "../../../fixtures/index.js";

const validate = validateVariants.filter(({ name, runtime }) => runtime === "wasm" && isBuilt(name));

for (const placement of ["inline", "thread", "process"])
  await conformance(
    {
      engine: new URL("../dist/index.js", import.meta.url),
      options: { placement },
      guests: new URL("../../../fixtures/guests/wasm/", import.meta.url),
      validate: validate.map(({ name }) => fixture(name)),
    },
    { describe, it },
  );
