// Guests end their thread while the host waits for them, blocked: run by sync-end.test.ts, which bounds its time.
import { native } from "../../dist/index.js";

const code = `
export const echo = (value) => value;
export const exit = () => process.exit(3);
export const kill = () => { process.removeAllListeners("exit"); process.reallyExit(4); };
export const hog = () => { const all = []; for (;;) all.push(new Array(100_000).fill({})); };
`;
const exports = ["echo", "exit", "kill", "hog"];
const manifest = { name: "guest", runtime: "native", module: "guest.mjs", exports };
const runtime = native({ placement: "thread" });
const module = await runtime.load({ manifest, files: { "guest.mjs": code } });
const outcomes = [];
for (const fn of ["echo", "exit", "echo", "kill", "echo", "hog", "echo"]) {
  try {
    outcomes.push(module.invokeSync(fn, "1"));
  } catch (error) {
    outcomes.push(error.code);
    // The host's event loop is told, too, and of the same end.
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
await runtime.close();
console.log(JSON.stringify(outcomes));
