import { conformance } from "@extruntime/conformance";
import { describe, it } from "vitest";

await conformance(
  {
    engine: new URL("../dist/index.js", import.meta.url),
    guests: new URL("../../../fixtures/guests/pyvm/", import.meta.url),
  },
  { describe, it },
);
