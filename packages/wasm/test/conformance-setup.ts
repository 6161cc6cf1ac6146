import { conformance } from "@extruntime/conformance";
import { describe, it } from "vitest";
import { fixture, isBuilt, scopeAt, validateVariants } from "../../../fixtures/index.js";

const validate = validateVariants.filter(({ name, runtime }) => runtime === "wasm" && isBuilt(name));

/** A file for each placement calls it, so that they run at a time. */
export function conformanceAt(placement: "inline" | "thread" | "process"): Promise<void> {
  return conformance(
    {
      engine: new URL("../dist/index.js", import.meta.url),
      options: { placement },
      ...scopeAt(placement, placement === "process" ? ["crashIsolation"] : []),
      guests: new URL("../../../fixtures/guests/wasm/", import.meta.url),
      validate: validate.map(({ name }) => fixture(name)),
    },
    { describe, it },
  );
}
