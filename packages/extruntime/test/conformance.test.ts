import { conformance } from "extruntime/conformance";
import { fixture } from "extruntime-fixtures";
import { describe, it } from "vitest";

for (const placement of ["inline", "thread", "process"])
  await conformance(
    {
      engine: new URL("../dist/index.js", import.meta.url),
      export: "native",
      options: { placement },
      guests: new URL("../../../fixtures/guests/native/", import.meta.url),
      validate: [fixture("validate-email/native")],
    },
    { describe, it },
  );
