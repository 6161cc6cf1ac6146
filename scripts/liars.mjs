// Tries liars that are made from the toy engine, several at a time, and prints the table of which test of the conformance kit rejects how many.
// `node scripts/liars.mjs [--jobs 2] [--every 10+3] [--most 1000] [--after 500] [--only TEXT] [--quick] [--hasty] [--out FILE]`; all of them where it is told nothing.
// `--most` takes the first of an order in which sites, times and lies are spread evenly, so that those that were tried stand for all; `--after` leaves out as many of them, which
// were tried before.
import { fork, spawnSync } from "node:child_process";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const folder = new URL("../packages/conformance/test/liars/", import.meta.url);
const program = fileURLToPath(new URL("court-process.mjs", folder));
const { LIES, hash } = await import(new URL("lies.mjs", folder).href);

/** Milliseconds in which one liar is tried; one that takes longer hangs its process. */
const MOST_MS = 600_000;
const { values: given } = parseArgs({
  options: {
    jobs: { type: "string", default: String(availableParallelism()) },
    every: { type: "string", default: "1" },
    most: { type: "string" },
    after: { type: "string", default: "0" },
    only: { type: "string", default: "" },
    quick: { type: "boolean", default: false },
    hasty: { type: "boolean", default: false },
    out: { type: "string" },
  },
});
const [stride, first = 0] = given.every.split("+").map(Number);
const wanted = [...LIES.keys()].filter((name) => name.includes(given.only)).filter((_, i) => i % stride === first);
const names = given.most === undefined ? wanted : spread(wanted).slice(Number(given.after), Number(given.most));

const notes = join(mkdtempSync(join(tmpdir(), "extruntime-liars-")), "notes.json");
process.once("exit", () => rmSync(join(notes, ".."), { recursive: true }));
const looked = spawnSync(process.execPath, [program, "look", notes], { stdio: "inherit" });
if (looked.status !== 0) process.exit(1);

const rejected = new Map();
const content = [];
const waiting = [...names];
let done = 0;
if (given.out !== undefined) writeFileSync(given.out, "");
await Promise.all(Array.from({ length: Number(given.jobs) }, job));
report();

/** Of each site one after the other, as often as it has lies; within a site by a number that has nothing to do with what they are. */
function spread(list) {
  const sites = new Map();
  for (const name of list) sites.set(LIES.get(name).site, [...(sites.get(LIES.get(name).site) ?? []), name]);
  const placed = [...sites.values()].flatMap((own) =>
    own.sort((a, b) => hash(a) - hash(b)).map((name, i) => ({ name, at: (i + 0.5) / own.length })),
  );
  return placed.sort((a, b) => a.at - b.at).map(({ name }) => name);
}

/** Tries one after the other in a process, and goes on in another where one has ended it. */
async function job() {
  while (waiting.length > 0) {
    const child = fork(program, [notes, given.quick ? "quick" : "whole", ...(given.hasty ? ["hasty"] : [])]);
    await answer(child);
    while (waiting.length > 0) {
      const name = waiting.shift();
      child.send(name);
      const verdict = await answer(child);
      note(name, verdict ?? { test: "(its process ended or hung)" });
      if (verdict === undefined || verdict.spent) break;
    }
    child.kill("SIGKILL");
  }
}

/** What the process says next; `undefined` where it ends, or says nothing. */
function answer(child) {
  return new Promise((resolve) => {
    const end = (message) => {
      clearTimeout(timer);
      child.removeAllListeners();
      resolve(message);
    };
    const timer = setTimeout(end, MOST_MS);
    child.once("message", end);
    child.once("exit", () => end());
  });
}

function note(name, { test, told, failure }) {
  done++;
  const honest = test === undefined && told === 0;
  if (test === undefined && !honest) content.push(`${name} (told ${told} times)`);
  const by = honest ? "(no test gives it an occasion to lie)" : (test ?? "(none)");
  rejected.set(by, (rejected.get(by) ?? 0) + 1);
  const line = `${name}  →  ${by}${failure === undefined ? "" : `: ${failure.split("\n")[0].slice(0, 200)}`}`;
  if (given.out !== undefined) appendFileSync(given.out, `${line}\n`);
  if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${names.length}`);
}

function report() {
  console.log(`| rejected | of ${names.length}, by |\n| ---: | --- |`);
  for (const [test, count] of [...rejected].sort((a, b) => b[1] - a[1])) console.log(`| ${count} | ${test} |`);
  for (const line of content) console.log(`not rejected: ${line}`);
  if (content.length > 0) process.exitCode = 1;
}
