// Loads the same extension in every engine that is installed, calls it, and prints what each engine is, what it
// promises, and how fast it is here.
import { readFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { discoverRuntimes, ExtensionError, ExtensionHost } from "extruntime";
import { fixture, isBuilt, validateTable, validateVariants } from "extruntime-fixtures";
import { table } from "./table.mjs";
import { bareLoop, measure } from "./timing.mjs";

const payload = '{"email":" Ada@Example.COM ","age":36}';
const { runtimes, unavailable } = await discoverRuntimes({ from: fileURLToPath(new URL(".", import.meta.url)) });

heading("Engines, and what each promises");
table(
  [
    "runtime",
    "aliases",
    "runs",
    "hard sandbox",
    "stops a guest",
    "memory limit",
    "parallel",
    "sync",
    "survives a crash",
  ],
  runtimes
    .filter((runtime) => runtime.unavailable === undefined)
    .map(({ name, aliases, capabilities: c }) => [
      name,
      aliases.join(", ") || "–",
      c.languages.join(", "),
      yes(c.hardSandbox),
      c.deadline === false ? "no" : c.deadline,
      yes(c.memoryLimit),
      yes(c.parallel),
      yes(c.sync),
      yes(c.crashIsolation),
    ]),
);
for (const engine of unavailable)
  console.log(`\n${engine.name} is not here: ${[engine.reason, engine.remedy].filter(Boolean).join(". ")}`);

heading(`The extension validate-email, called with ${payload}`);
const notes = [];
const modules = await loadEverywhere();
const answers = [];
for (const { variant, module } of modules) {
  let right = 0;
  for (const row of validateTable)
    if (same(JSON.parse(await module.invoke("validate", row.payload)), row.expected)) right++;
  answers.push([
    variant,
    module.runtime,
    await module.invoke("validate", payload),
    `${right} of ${validateTable.length}`,
  ]);
}
table(["extension", "runtime", "answer", "rows of the shared table that agree"], answers);
for (const note of notes) console.log(`\n${note}`);

heading("Time for one call, medians of 9 rounds in random order");
const trials = new Map([["bare JavaScript loop", bareLoop(payload)]]);
for (const { variant, module } of modules) trials.set(variant, (count) => repeat(module, count));
const times = await measure(trials, 9);
const floor = times.get("bare JavaScript loop").median;
table(
  ["", "µs per call", "× bare loop", "calls per second"],
  [...times].map(([name, { median }]) => [
    name,
    (median / 1000).toFixed(2),
    (median / floor).toFixed(2),
    Math.round(1e9 / median).toLocaleString("en"),
  ]),
);
console.log(
  `\n${cpus()[0]?.model.trim()}, ${cpus().length} processors, Node ${process.version}. Only the ratios travel to another machine.`,
);
for (const { host } of modules) await host.close();

/** One host each, since all variants have the same name. */
async function loadEverywhere() {
  const loaded = [];
  for (const { name, runtime } of validateVariants) {
    if (!runtimes.some((found) => found.name === runtime && found.unavailable === undefined) || !isBuilt(name))
      continue;
    const host = new ExtensionHost({ runtimes, unavailable });
    const variant = name.split("/")[1];
    const module = await (runtime === "pyvm" ? loadPython(host, fixture(name)) : host.load(fixture(name)));
    if (module !== undefined) loaded.push({ variant, host, module });
  }
  return loaded;
}

/** Python comes with the machine. Where it is one without interpreters of their own, the extension is given the shared one. */
async function loadPython(host, folder) {
  try {
    return await host.load(folder);
  } catch (error) {
    if (!ExtensionError.is(error, "ERR_EXT_UNSUPPORTED")) throw error;
    const manifest = JSON.parse(await readFile(join(folder, "extension.json"), "utf8"));
    const files = { [manifest.module]: await readFile(join(folder, manifest.module)) };
    notes.push(`${error.message}.\nHere it runs in the shared one.`);
    return host.load({ manifest: { ...manifest, python: { interpreter: "shared" } }, files });
  }
}

function repeat(module, count) {
  for (let i = 0; i < count; i++) module.invokeSync("validate", payload);
}

/** Equal as JSON values, whatever the order of their members. */
function same(a, b) {
  const sorted = (value) => JSON.stringify(value, Object.keys(value).sort());
  return sorted(a) === sorted(b);
}

function yes(flag) {
  return flag ? "yes" : "no";
}

function heading(text) {
  console.log(`\n${text}\n`);
}
