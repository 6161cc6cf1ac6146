// `npm run test:nightly`: every test, with all that takes hours. Several hours on two cores. A variable that is set already stays as it is.
import { script, step } from "./workspace.mjs";

const WHOLE = {
  // Endurance and conformance repeat all that they repeat, at every placement and on every CPython.
  EXTRUNTIME_TESTS: "nightly",
  CHAOS_SECONDS: "3600",
  EXTRUNTIME_SIMULATION_SCHEDULES: "1000000",
  EXTRUNTIME_FUZZ_FRAMES: "10000000",
};

await script(async () => {
  const env = { ...WHOLE, ...process.env };
  await step("Running all tests, with all that takes hours", "node", ["scripts/test.mjs"], { show: true, env });
  await step("Trying all liars on the conformance kit", "node", ["scripts/liars.mjs", "all"], { show: true, env });
});
