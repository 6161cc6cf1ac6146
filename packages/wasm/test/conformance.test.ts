import { conformance } from "extruntime/conformance";
import { describe, it } from "vitest";
import { fixture, isBuilt, validateVariants } from "../../../fixtures/index.js";

const validate = validateVariants.filter(({ name, runtime }) => runtime === "wasm" && isBuilt(name));

await conformance(
  {
    engine: new URL("../dist/index.js", import.meta.url),
    guests: new URL("../../../fixtures/guests/wasm/", import.meta.url),
    validate: validate.map(({ name }) => fixture(name)),
  },
  { describe, it },
);
