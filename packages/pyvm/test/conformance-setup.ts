import { conformance } from "@extruntime/conformance";
import { describe, it } from "vitest";
import { fixture, nightly, scopeAt } from "../../../fixtures/index.js";
import { cpython } from "./guest.ts";

/** A file for each placement calls it, so that they run at a time. */
export function conformanceAt(placement: "inline" | "thread" | "process"): Promise<void> {
  process.env.PYVM_PYTHON = cpython.executable;
  return conformance(
    {
      engine: new URL("../dist/index.js", import.meta.url),
      options: { placement },
      // Inline, where each of its thousand loads starts an interpreter, three hundred: endurance.test.ts has as many again.
      ...(nightly ? {} : { repeats: 0.3 }),
      // What it promises only in processes is kept by the core, as it is for the native engine, which is tested whole there.
      ...scopeAt(placement),
      guests: new URL("../../../fixtures/guests/pyvm/", import.meta.url),
      validate: [fixture("validate-email/pyvm")],
    },
    { describe, it },
  );
}
