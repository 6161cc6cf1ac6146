// A host that is killed, or that loads and closes: run by leaks.test.ts in a process of its own.
import { readdirSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { native } from "../../dist/index.js";

const [, , what, placement] = process.argv;
const source = {
  manifest: { name: "guest", runtime: "native", module: "guest.mjs", exports: ["pid", "forever"] },
  files: { "guest.mjs": "export const pid = () => process.pid; export const forever = () => { for (;;); };" },
};
const open = () => [readdirSync("/proc/self/fd").length, readdirSync("/proc/self/task").length];

if (what === "orphan") {
  const runtime = native({ placement });
  const module = await runtime.load(source);
  const pids = await Promise.all([module.call("pid"), module.call("pid")]);
  module.call("forever");
  module.call("forever");
  process.send([...new Set(pids)]);
} else {
  // Once before, for what Node opens and starts for good.
  await cycle(1);
  const before = open();
  await cycle(Number(process.argv[4]));
  // Node closes what it was told to close in a later turn; what never comes back, the test waits for in vain.
  while (!isBack(before, open())) await setImmediate();
  process.send("back");
}

/** Two descriptors and a thread are Node's own affair. */
function isBack([descriptors, threads], [descriptorsNow, threadsNow]) {
  return descriptorsNow <= descriptors + 2 && threadsNow <= threads + 1;
}

async function cycle(loads) {
  const runtime = native({ placement });
  for (let load = 0; load < loads; load++) {
    const module = await runtime.load(source);
    if (load % 50 === 0) await module.invoke("forever", "1", { timeoutMs: 20 }).catch(() => {});
    await module.call("pid");
    await module.close();
  }
  await runtime.close();
}
