import { conformance } from "extruntime/conformance";
import { describe, it } from "vitest";
import { fixture } from "../../../fixtures/index.js";
import { cpython } from "./guest.ts";

process.env.PYVM_PYTHON = cpython.executable;
for (const placement of ["inline", "thread", "process"])
  await conformance(
    {
      engine: new URL("../dist/index.js", import.meta.url),
      options: { placement },
      guests: new URL("../../../fixtures/guests/pyvm/", import.meta.url),
      validate: [fixture("validate-email/pyvm")],
    },
    { describe, it },
  );
