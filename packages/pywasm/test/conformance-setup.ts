import { conformance } from "@extruntime/conformance";
import { describe, it } from "vitest";
import { fixture, scopeAt } from "../../../fixtures/index.js";

/** A file for each placement calls it, so that they run at a time. */
export function conformanceAt(placement: "inline" | "thread" | "process"): Promise<void> {
  return conformance(
    {
      engine: new URL("../dist/index.js", import.meta.url),
      options: { placement },
      ...scopeAt(placement, placement === "process" ? ["crashIsolation"] : []),
      guests: new URL("../../../fixtures/guests/pywasm/", import.meta.url),
      validate: [fixture("validate-email/pywasm")],
    },
    { describe, it },
  );
}
