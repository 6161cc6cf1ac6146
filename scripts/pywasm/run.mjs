// Commands of the build: quiet while they succeed, with the end of their output where they fail.
import { spawn } from "node:child_process";
import { StepFailed } from "../workspace.mjs";

/** As long as the names of files say when they were made, nothing is the same twice. CPython 3.13.5 was released then. */
export const SOURCE_DATE_EPOCH = "1749600000";

/** On the error output, since the other is for the folder alone. */
export function say(text) {
  process.stderr.write(`get-pywasm: ${text}\n`);
}

/** Lines of output that an error shows. */
const SHOWN = 40;

/** Runs a command in a folder; tells what it printed. */
export function run(cwd, [command, ...args], env = {}) {
  const all = { ...process.env, LC_ALL: "C", TZ: "UTC", SOURCE_DATE_EPOCH, ...env };
  const child = spawn(command, args, { cwd, env: all, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let printed = "";
  child.stdout.on("data", (data) => {
    output += data;
    printed += data;
  });
  child.stderr.on("data", (data) => (printed += data));
  return new Promise((resolve, reject) => {
    child.on("error", (error) => reject(new StepFailed(`${command} could not be run: ${error.message}`)));
    child.on("close", (code, signal) => {
      if (code === 0) return resolve(output);
      const end = printed.trimEnd().split("\n").slice(-SHOWN).join("\n");
      reject(new StepFailed(`${end}\n\n${command} ended with ${code ?? signal}: ${[command, ...args].join(" ")}`));
    });
  });
}

/** Does something for each item, `jobs` at a time. */
export async function eachOf(items, jobs, work) {
  const left = [...items];
  const one = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: jobs }, one));
}
