import { conformance } from "extruntime/conformance";
import { describe, it } from "vitest";
import { fixture } from "../../../fixtures/index.js";

for (const placement of ["inline", "thread", "process"])
  await conformance(
    {
      engine: new URL("../dist/index.js", import.meta.url),
      options: { placement },
      guests: new URL("../../../fixtures/guests/quickjs/", import.meta.url),
      validate: [fixture("validate-email/quickjs"), fixture("validate-email/quickjs-module")],
    },
    { describe, it },
  );
