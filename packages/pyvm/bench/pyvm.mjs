// What a call through pyvm costs, as ratios taken in one run: medians of trials that take turns, so that a machine that
// is busy for a while is busy for all of them.
//
//   PYVM_PYTHON=$(scripts/get-python.sh) node packages/pyvm/bench/pyvm.mjs
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { stat } from "node:fs";
import { fileURLToPath } from "node:url";
import { pyvm } from "@extruntime/pyvm";
import { findPython } from "../dist/find-python.js";

const TEXT = '{"email":"Ada.Lovelace@example.com"}';
const TRIALS = 9;
const here = (file) => fileURLToPath(new URL(file, import.meta.url));
const python = findPython();
const source = (await import("node:fs")).readFileSync(here("validate.py"), "utf8");
const runtime = pyvm();

function load(pool, shared = false) {
  const manifest = {
    name: "validate",
    runtime: "pyvm",
    module: "validate.py",
    exports: ["validate"],
    limits: { maxInstances: pool },
  };
  return runtime.load({
    manifest: shared ? { ...manifest, python: { interpreter: "shared" } } : manifest,
    files: { "validate.py": source },
  });
}

/** Its calls of the host: as many as its value says, each with a small record. */
function loadAsking() {
  const manifest = { name: "asking", runtime: "pyvm", module: "a.py", exports: ["ask"], permissions: ["now", "later"] };
  const lines = ["import extruntime", "def ask(v):", "    for _ in range(v[1]): extruntime.call(v[0], {'key': 1})"];
  const hostFunctions = { now: (value) => value, later: async (value) => value };
  return runtime.load(
    { manifest: { ...manifest, limits: { maxInstances: 1 } }, files: { "a.py": lines.join("\n") } },
    { hostFunctions },
  );
}

function bareJavaScript(text) {
  const { email = "" } = JSON.parse(text);
  return JSON.stringify(
    /^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(email)
      ? { valid: true, email: email.toLowerCase() }
      : { valid: false, errors: ["email"] },
  );
}

async function nanoseconds(count, body) {
  const start = performance.now();
  await body(count);
  return ((performance.now() - start) * 1e6) / count;
}

const syncCalls = (call) => (count) => {
  for (let i = 0; i < count; i++) call(TEXT);
};
const oneAtATime = (call) => async (count) => {
  for (let i = 0; i < count; i++) await call(TEXT);
};
const at64 = (call) => async (count) => {
  let left = count;
  const lane = async () => {
    while (left-- > 0) await call(TEXT);
  };
  await Promise.all(Array.from({ length: 64 }, lane));
};

/** A Python child that answers JSON lines. */
function pipe() {
  const child = spawn(python.executable, ["-I", here("loop.py"), "pipe"], { stdio: ["pipe", "pipe", "inherit"] });
  const waiting = [];
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop();
    for (const line of lines) waiting.shift()(line);
  });
  return {
    call: (text) =>
      new Promise((resolve) => {
        waiting.push(resolve);
        child.stdin.write(`${text}\n`);
      }),
    close: () => {
      child.stdin.end();
      return once(child, "exit");
    },
  };
}

/** The least that libuv's pool can do: one round trip through a thread, for comparison. */
const roundTrip = () => new Promise((resolve) => stat("/", resolve));

const one = await load(1);
const two = await load(2);
const four = await load(4);
const shared = await load(1, true);
const asking = await loadAsking();
const ask = (name) => (count) => asking.invoke("ask", JSON.stringify([name, count]));
const child = pipe();
const call = (module) => (text) => module.invoke("validate", text);
const rows = {
  "bare JavaScript": [50_000, syncCalls(bareJavaScript)],
  "invokeSync, isolated": [50_000, syncCalls((text) => one.invokeSync("validate", text))],
  "invokeSync, shared": [50_000, syncCalls((text) => shared.invokeSync("validate", text))],
  "fs.stat, one at a time": [3000, oneAtATime(roundTrip)],
  "invoke, one at a time": [3000, oneAtATime(call(one))],
  "invoke, 64 at once, pool 1": [20_000, at64(call(one))],
  "invoke, 64 at once, pool 2": [20_000, at64(call(two))],
  "invoke, 64 at once, pool 4": [20_000, at64(call(four))],
  "invoke, 64 at once, shared": [20_000, at64(call(shared))],
  "host function, in invokeSync": [20_000, (count) => asking.invokeSync("ask", JSON.stringify(["now", count]))],
  "host function, in invoke": [3000, ask("now")],
  "host function with a promise": [3000, ask("later")],
  "Python child, one at a time": [2000, oneAtATime(child.call)],
  "Python child, 64 at once": [10_000, at64(child.call)],
};
const measured = Object.fromEntries(Object.keys(rows).map((name) => [name, []]));
const inPython = [];
for (let trial = 0; trial < TRIALS; trial++) {
  for (const [name, [count, body]] of Object.entries(rows)) measured[name].push(await nanoseconds(count, body));
  if (trial % 4 === 0)
    inPython.push(
      JSON.parse(execFileSync(python.executable, ["-I", here("loop.py"), TEXT], { encoding: "utf8" })).loop,
    );
}
await child.close();

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const loop = median(inPython);
const bare = median(measured["bare JavaScript"]);
const table = { "the loop in Python": loop };
for (const [name, values] of Object.entries(measured)) table[name] = median(values);
console.log(`CPython ${python.version}${python.freeThreaded ? " free-threaded" : ""}, Node ${process.version}`);
for (const [name, ns] of Object.entries(table)) {
  console.log(
    `${name.padEnd(30)} ${(ns / 1000).toFixed(2).padStart(8)} µs  ${(ns / loop).toFixed(2).padStart(6)} × loop  ${(ns / bare).toFixed(2).padStart(7)} × bare JS`,
  );
}

const loads = [];
for (let i = 0; i < 15; i++) {
  // Time for the spare interpreter to be made.
  await new Promise((resolve) => setTimeout(resolve, 150));
  const start = performance.now();
  const module = await load(1);
  loads.push(performance.now() - start);
  await module.close();
}
console.log(`load with a warm spare: ${median(loads).toFixed(2)} ms`);
const before = process.memoryUsage().rss;
const many = await Promise.all(Array.from({ length: 20 }, () => load(1)));
console.log(`memory per interpreter: ${((process.memoryUsage().rss - before) / 20 / 2 ** 20).toFixed(1)} MiB`);
await Promise.all([one, two, four, shared, asking, ...many].map((module) => module.close()));
await runtime.close();
