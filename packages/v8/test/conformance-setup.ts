import { conformance } from "@extruntime/conformance";
import { describe, it } from "vitest";
import { fixture, scopeAt } from "../../../fixtures/index.js";

/** A file for each placement calls it, so that they run at a time. A thread is refused: see `threadRefusal` in engine.ts. */
export function conformanceAt(placement: "inline" | "process"): Promise<void> {
  return conformance(
    {
      engine: new URL("../dist/index.js", import.meta.url),
      options: { placement },
      ...scopeAt(placement, placement === "process" ? ["crashIsolation"] : []),
      guests: new URL("../../../fixtures/guests/v8/", import.meta.url),
      validate: [fixture("validate-email/v8")],
    },
    { describe, it },
  );
}
