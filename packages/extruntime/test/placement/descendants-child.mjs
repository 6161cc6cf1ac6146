// A host whose guest leaves processes behind: run by descendants.test.ts in a process of its own.
//
//   node descendants-child.mjs <how it ends> <options of processes as JSON> <seconds that the guest's processes would sleep>
import { setTimeout as sleep } from "node:timers/promises";
import { native } from "../../dist/index.js";

const [, , how, options, seconds] = process.argv;
const code = `
import { execFileSync, spawn } from "node:child_process";
const detached = (file, ...args) => {
  const child = spawn(file, args, { detached: true, stdio: "ignore" });
  child.unref();
  return new Promise((resolve) => child.once("spawn", resolve));
};
export const start = async (seconds) => {
  await detached("sleep", seconds + "1");
  // Daemons: their parents are gone, and each has a session of its own.
  await detached("sh", "-c", "setsid sleep " + seconds + "2 & setsid sh -c 'setsid sleep " + seconds + "3 &' &");
  execFileSync("sh", ["-c", "(trap '' TERM HUP INT; setsid sleep " + seconds + "4 >/dev/null 2>&1 &) &"], { stdio: "ignore" });
  return null;
};
export const stop = () => { process.kill(process.ppid, "SIGSTOP"); return null; };
export const forever = () => { for (;;); };
export const exit = () => process.exit(3);
`;
const exports = ["start", "stop", "forever", "exit"];
const runtime = native({ placement: "process", processes: { max: 1, spare: 0, ...JSON.parse(options) } });
const module = await runtime.load({
  manifest: { name: "guest", runtime: "native", module: "guest.mjs", exports },
  files: { "guest.mjs": code },
});
await module.call("start", seconds);
process.send("started");
await new Promise((resolve) => process.once("message", resolve));
const ended = (promise) =>
  promise.then(() => "answered").catch((error) => (error.name === "AbortError" ? error.name : error.code));

if (how === "timeout") process.send(await ended(module.invoke("forever", "null", { timeoutMs: 50 })));
if (how === "crash") process.send(await ended(module.invoke("exit", "null")));
if (how === "abort") {
  const controller = new AbortController();
  const call = ended(module.invoke("forever", "null", { signal: controller.signal }));
  await sleep(50);
  controller.abort();
  process.send(await call);
}
if (how === "stopped") await module.call("stop");
if (how === "close" || how === "stopped") await runtime.close({ abort: true });
if (how === "close" || how === "stopped") process.send("closed");
if (how === "exit") process.exit(0);
// Killed by the test, unless it is told to end.
if (how !== "killed") process.once("message", () => process.exit(0));
