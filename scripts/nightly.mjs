// What takes hours: `npm run test:nightly`. After a build, with everything there that CI has (`npm test` makes it so):
//   --schedules 1000000   simulated schedules       --seconds 3600   of chaos
//   --liars all           generated liars           --frames 10000000   mutated frames
//   --no-suite            without the usual tests at their full length
// Seeds that fail are added to the two files kept-seeds.json, whose runs come first from then on: commit them.
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { installAndBuild, pnpm, StepFailed, say, script, step } from "./workspace.mjs";

const { values } = parseArgs({
  options: {
    schedules: { type: "string", default: "1000000" },
    seconds: { type: "string", default: "3600" },
    liars: { type: "string", default: "all" },
    frames: { type: "string", default: "10000000" },
    "no-suite": { type: "boolean", default: false },
  },
});

/** Endurance and conformance repeat all that they repeat, at every placement and on every CPython. */
const WHOLE = { EXTRUNTIME_TESTS: "nightly", EXTRUNTIME_FUZZ_FRAMES: values.frames };

await script(async () => {
  await installAndBuild();
  const failed = [];
  const part = async (title, run) => {
    try {
      await run(title);
    } catch (error) {
      if (!(error instanceof StepFailed)) throw error;
      say(error.message);
      failed.push(title);
    }
  };
  await part(`${values.schedules} simulated schedules`, (title) => simulate(title, Number(values.schedules)));
  await part(`${values.seconds} seconds of chaos`, (title) =>
    vitest(title, ["test/chaos/chaos.test.ts"], { CHAOS_SECONDS: values.seconds, CHAOS_KEEP: "1" }),
  );
  await part("Faults that chaos has to find", (title) => vitest(title, ["test/chaos/finds.test.ts"]));
  await part("Faults that the simulation has to find", (title) =>
    vitest(title, ["packages/extruntime/test/simulation/mutants.test.ts"]),
  );
  await part(`Generated liars: ${values.liars}`, (title) =>
    step(title, "node", ["scripts/liars.mjs", ...(values.liars === "all" ? [] : ["--most", values.liars])], {
      show: true,
    }),
  );
  await part("Popular Python packages in pyvm", (title) =>
    step(title, "node", ["scripts/python-packages.mjs"], { show: true }),
  );
  await part("Popular Python packages in pywasm", (title) =>
    step(title, "node", ["scripts/pywasm-packages.mjs"], { show: true }),
  );
  await part("CPython's own tests in pywasm", (title) =>
    step(title, "node", ["scripts/pywasm-cpython-tests.mjs"], { show: true }),
  );
  await part("Recipes for Next.js and Docker", (title) =>
    step(title, "node", ["scripts/release/recipes-test.mjs"], { show: true }),
  );
  await part("Crates for guests in Rust", (title) => step(title, "node", ["scripts/rust-crates.mjs"], { show: true }));
  if (!values["no-suite"])
    await part("All tests at their full length", (title) =>
      step(title, "node", ["scripts/test.mjs"], { show: true, env: WHOLE }),
    );
  if (failed.length > 0) throw new StepFailed(`failed: ${failed.join("; ")}`);
  say("all of it passed");
});

/** A part on each core. */
async function simulate(title, schedules) {
  const parts = availableParallelism();
  const each = Math.ceil(schedules / parts);
  const runs = Array.from({ length: parts }, (_, index) =>
    vitest(`${title}, from ${index * each + 1}`, ["packages/extruntime/test/simulation/simulation.test.ts"], {
      EXTRUNTIME_SIMULATION_FIRST: String(index * each + 1),
      EXTRUNTIME_SIMULATION_SCHEDULES: String(each),
      EXTRUNTIME_SIMULATION_KEEP: "1",
    }),
  );
  const ended = await Promise.allSettled(runs);
  const failure = ended.find(({ status }) => status === "rejected");
  if (failure !== undefined) throw failure.reason;
}

function vitest(title, files, env = {}) {
  return pnpm(title, ["exec", "vitest", "run", ...files], {
    show: true,
    env: { EXTRUNTIME_TESTS: "nightly", ...env },
  });
}
