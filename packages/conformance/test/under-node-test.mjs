// Run by runners.test.ts with `node --test`: the guests' folder is its argument, in an environment variable.
import { describe, it } from "node:test";
import { conformance } from "../dist/index.js";

const engine = (file) => new URL(`./engines/${file}`, import.meta.url);
await conformance(
  {
    engine: engine("toy-engine.mjs"),
    export: "toy",
    guests: process.env.TOY_GUESTS,
    repeats: 0.1,
    escapes: engine("toy-escapes.mjs"),
  },
  { describe, it },
);
