// Guests in threads print, and are closed or stopped at once: run by log-delivery.test.ts, which counts the lines.
import { native } from "../../dist/index.js";

const COUNT = 200;
const code = `
export const print = (name) => { for (let i = 0; i < ${COUNT}; i++) console.log(name, i); };
export const printAndSpin = (name, context) => { print(name); context.log("info", "printed"); for (;;); };
`;
const runtime = native({ placement: "thread", limits: { maxInstances: 1 } });

/** Half of them are stopped when they have printed, however long that takes on a busy machine. */
async function run(name, i) {
  const printed = new AbortController();
  const logger = { info: () => printed.abort() };
  const module = await runtime.load(
    {
      manifest: { name, runtime: "native", module: "guest.mjs", exports: ["print", "printAndSpin"] },
      files: { "guest.mjs": code },
    },
    { logger },
  );
  if (i % 2 === 0) await module.call("print", i);
  else await module.call("printAndSpin", i, { signal: printed.signal }).catch(() => {});
}

await Promise.all(["a", "b", "c", "d"].map(run));
await runtime.close();
