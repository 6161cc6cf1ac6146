import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, posix } from "node:path";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { compile } from "./guests/compile.mjs";
import { findToolchain, fixturesDir } from "./guests/find-toolchains.mjs";
import { recipes } from "./guests/recipes.mjs";

/**
 * Builds the WebAssembly guests under `fixtures` from their sources, where they are not built or not up to date.
 *
 *     node scripts/guests.mjs [build] [--only assemblyscript,rust,c,go] [--under validate-email] [--required]
 *
 * `--under` takes a folder below `fixtures` and builds only what is in it.
 * A language whose compiler is not there is left out, with the reason and the remedy; with `--required` that is an error.
 */

const cacheDir = join(fixturesDir, ".cache");
const stampFile = join(cacheDir, "guests.json");

const { languages, required, under } = readArguments();
const stamps = existsSync(stampFile) ? JSON.parse(readFileSync(stampFile, "utf8")) : {};
mkdirSync(cacheDir, { recursive: true });
// Compilers write here, and what is whole is moved: an interrupted build leaves no half module, and two at once do not meet.
const workDir = mkdtempSync(join(cacheDir, "build-"));
const results = await Promise.all(languages.map(buildLanguage));
rmSync(workDir, { recursive: true });
process.exitCode = report(results.flat());

function readArguments() {
  const known = Object.keys(findToolchain);
  const { values, positionals } = parseArgs({
    options: {
      only: { type: "string" },
      under: { type: "string", default: "." },
      required: { type: "boolean", default: false },
    },
    allowPositionals: true,
  });
  const only = values.only?.split(",") ?? known;
  const wrong = [...positionals.filter((word) => word !== "build"), ...only.filter((name) => !known.includes(name))];
  if (wrong.length > 0) {
    console.error(
      `guests: unknown: ${wrong.join(", ")}. Languages are ${known.join(", ")}; the only command is build.`,
    );
    process.exit(2);
  }
  return { languages: only, required: values.required, under: posix.join(values.under, "/") };
}

/** Guests of one language are built one after the other, languages side by side. */
async function buildLanguage(language) {
  const guests = recipes().filter((guest) => guest.language === language && isUnder(guest.folder));
  if (guests.length === 0) return [];
  const toolchain = findToolchain[language]();
  if (toolchain.missing !== undefined) {
    for (const guest of guests) discardStale(guest);
    console.log(
      `guests: ${language} left out (${guests.length}): ${toolchain.missing}\n        remedy: ${toolchain.remedy}`,
    );
    return guests.map(() => "skipped");
  }
  const outcomes = [];
  for (const guest of guests) outcomes.push(await buildGuest(guest, toolchain));
  return outcomes;
}

function isUnder(folder) {
  return under === "./" || `${folder}/`.startsWith(under);
}

async function buildGuest(guest, toolchain) {
  const stamp = { sources: hashSources(guest), toolchain: toolchain.version };
  const outFile = outputOf(guest);
  const last = stamps[guest.folder];
  if (existsSync(outFile) && last?.sources === stamp.sources && last.toolchain === stamp.toolchain) return "kept";
  const start = performance.now();
  const unfinished = join(workDir, guest.folder.replaceAll("/", "-"), basename(outFile));
  mkdirSync(dirname(unfinished));
  try {
    const warnings = await compile[guest.language](guest, unfinished, toolchain);
    if (warnings !== "") console.error(`guests: ${guest.folder} has warnings\n${warnings}`);
  } catch (error) {
    rmSync(outFile, { force: true });
    console.error(`guests: ${guest.folder} FAILED\n${error.message}`);
    return "failed";
  }
  renameSync(unfinished, outFile);
  saveStamp(guest, stamp);
  const size = (statSync(outFile).size / 1024).toFixed(0);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`guests: ${guest.folder.padEnd(36)} ${size.padStart(5)} KiB ${seconds.padStart(5)} s`);
  return "built";
}

/** Without its compiler, a module of older sources would pass for one of these. */
function discardStale(guest) {
  if (stamps[guest.folder]?.sources !== hashSources(guest)) rmSync(outputOf(guest), { force: true });
}

function outputOf(guest) {
  const folder = join(fixturesDir, guest.folder);
  return join(folder, JSON.parse(readFileSync(join(folder, "extension.json"), "utf8")).module);
}

function hashSources(guest) {
  const hash = createHash("sha256").update(JSON.stringify(guest));
  for (const place of [guest.folder, ...(guest.uses ?? [])]) {
    for (const file of filesOf(place)) hash.update(`\0${file}\0`).update(readFileSync(join(fixturesDir, file)));
  }
  return hash.digest("hex");
}

function filesOf(place) {
  if (statSync(join(fixturesDir, place)).isFile()) return [place];
  const entries = readdirSync(join(fixturesDir, place), { withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !entry.name.endsWith(".wasm"));
  return files.map((entry) => `${place}/${entry.name}`).sort();
}

function saveStamp(guest, stamp) {
  stamps[guest.folder] = stamp;
  const unfinished = join(workDir, basename(stampFile));
  writeFileSync(unfinished, JSON.stringify(stamps, null, 2));
  renameSync(unfinished, stampFile);
}

/** The exit code. */
function report(outcomes) {
  const count = (outcome) => outcomes.filter((one) => one === outcome).length;
  const skipped = count("skipped");
  const parts = [`${count("built")} built`, `${count("kept")} up to date`];
  if (skipped > 0) parts.push(`${skipped} left out`);
  if (count("failed") > 0) parts.push(`${count("failed")} failed`);
  console.log(`guests: ${parts.join(", ")}`);
  if (skipped > 0 && required)
    console.error("guests: --required was given and compilers are missing: node scripts/toolchains.mjs");
  return count("failed") > 0 || (skipped > 0 && required) ? 1 : 0;
}
