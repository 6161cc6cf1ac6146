// Guests in threads print, and are closed or stopped at once: run by log-delivery.test.ts, which counts the lines.
import { native } from "../../dist/index.js";

const COUNT = 200;
const code = `
export const print = (name) => { for (let i = 0; i < ${COUNT}; i++) console.log(name, i); };
export const printAndSpin = (name) => { print(name); for (;;); };
`;
const runtime = native({ placement: "thread", limits: { maxInstances: 1 } });
const modules = await Promise.all(
  ["a", "b", "c", "d"].map((name) =>
    runtime.load({
      manifest: { name, runtime: "native", module: "guest.mjs", exports: ["print", "printAndSpin"] },
      files: { "guest.mjs": code },
    }),
  ),
);
await Promise.all(
  modules.map((module, i) =>
    i % 2 === 0 ? module.call("print", i) : module.call("printAndSpin", i, { timeoutMs: 1000 }).catch(() => {}),
  ),
);
await runtime.close();
