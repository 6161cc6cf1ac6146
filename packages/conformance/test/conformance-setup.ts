import { conformance } from "@extruntime/conformance";
import { fixture, repeatsAt, scopeAt } from "extruntime-fixtures";
import { describe, it } from "vitest";

/** A file for each placement calls it, so that they run at a time. */
export function conformanceAt(placement: "inline" | "thread" | "process"): Promise<void> {
  return conformance(
    {
      engine: new URL("../../extruntime/dist/index.js", import.meta.url),
      export: "native",
      options: { placement },
      // Whole in a thread, which is enough to prove what crosses to any worker; in a process, what holds only there.
      ...(placement === "process" ? scopeAt(placement, ["crashIsolation", "memoryLimit"]) : {}),
      repeats: repeatsAt(placement),
      guests: new URL("../../../fixtures/guests/native/", import.meta.url),
      validate: [fixture("validate-email/native")],
    },
    { describe, it },
  );
}
