// The guests of the toy language. Plain JavaScript, since processes that try liars use it too.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The guests that the kit asks for, in the toy language. */
const GUESTS = {
  echo: "echo = value",
  throw: "fail = refuse",
  counter: "next = count",
  print: "print = print",
  undefined: "nothing = nothing",
  big: "big = big",
  many: "one = one\ntwo = two\ndouble = double\njoin = join",
  recurse: "recurse = recurse",
  async: "later = later\nreject = reject\nnever = never",
  loop: "forever = forever",
  "loop-catching": "forever = catching",
  "loop-native": "forever = forever",
  allocate: "allocate = allocate",
  spin: "spin = spin",
  language: "run = exclaim",
  crash: "crash = crash",
  "crash-after-call": "crash = crashAfterCall",
  validate: "validate = validate",
  "throw-more": "fail = throwMore",
  "call-host-caught-more": "run = catchMore",
  "call-host": "call = callHost\ncaught = catchHost",
  "call-host-together": "run = callHostOften",
  fresh:
    "look = look\nleave = leave\nfail = leaveAndRefuse\nforever = leaveForEver\nexhaust = leaveAndAllocate\nfill = fill\nstart = make",
  "bad-result": "run = unserialisable",
  "top-level-throw": "run = value\nstart = refuse",
  "top-level-allocate": "run = value\nstart = allocate",
  "top-level-loop": "run = value\nstart = forever",
};

/** Writes them to a folder of their own, without those that are named, and gives its path. The folder goes with this process. */
export function toyGuests(...without) {
  const folder = mkdtempSync(join(tmpdir(), "extruntime-toy-guests-"));
  process.once("exit", () => rmSync(folder, { recursive: true }));
  for (const [name, code] of Object.entries(GUESTS)) {
    if (without.includes(name)) continue;
    const exports = code.split("\n").map((line) => line.split(" ")[0]);
    const manifest = { name, runtime: "toy", module: "guest.toy", exports: exports.filter((each) => each !== "start") };
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, "guest.toy"), code);
    writeFileSync(join(folder, name, "extension.json"), JSON.stringify(manifest));
  }
  return folder;
}
