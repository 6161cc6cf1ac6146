import { conformance } from "@extruntime/conformance";
import { describe, it } from "vitest";
import { engine } from "./run-tests.ts";
import { toyGuests } from "./toy-guests.ts";

// A small engine that keeps its promises passes: on the calling thread, and between turns of the event loop.
for (const slices of [false, true])
  await conformance(
    {
      engine: engine("toy-engine.mjs"),
      export: "toy",
      options: { slices },
      guests: toyGuests(),
      escapes: engine("toy-escapes.mjs"),
    },
    { describe, it },
  );
