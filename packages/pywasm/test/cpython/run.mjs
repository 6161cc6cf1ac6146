// CPython's own tests in pywasm: each module in an interpreter of its own, and whatever fails must have a reason that is known.
import { readFileSync } from "node:fs";

const { quick, runs, known, doNotRun } = JSON.parse(readFileSync(new URL("modules.json", import.meta.url), "utf8"));

export { doNotRun, quick, runs };

/** Milliseconds for one module, most of which take less than a second of a free processor. */
const LIMIT = 600_000;

/** Why a test may fail, by what its exception says. `known` in modules.json has single ones. */
const REASONS = [
  [/Read-only file system|No usable temporary directory|unable to open database file/, "files cannot be written"],
  [/pywasm has no foreign functions/, "there are no foreign functions"],
  [/unknown encoding: /, "there are no East Asian codecs"],
  [/could not get source code/, "the standard library is compiled, and without its source"],
];

/** An extension that runs modules of `folder`, the one that scripts/pywasm-cpython-tests.mjs prints; it is for the caller to close. */
export function loadTests(pywasm, folder) {
  const manifest = {
    name: "cpython-tests",
    runtime: "pywasm",
    module: "guest.py",
    exports: ["run"],
    python: { path: [folder] },
  };
  const files = { "guest.py": readFileSync(new URL("guest.py", import.meta.url)) };
  const silent = () => {};
  return pywasm().load(
    { manifest, files },
    { limits: { memoryMb: 512, fresh: "call" }, log: { debug: silent, info: silent, warn: silent, error: silent } },
  );
}

/** What came of a module: tests run, and those that failed, by reason; `unexplained` are those without one. */
export async function runModule(tests, name) {
  const { run, skipped, failed } = await tests.call("run", name, { timeoutMs: LIMIT });
  const reasons = {};
  const unexplained = [];
  for (const [id, message] of Object.entries(failed)) {
    const reason = known[id] ?? REASONS.find(([pattern]) => pattern.test(message))?.[1];
    if (reason === undefined) unexplained.push(`${id}: ${message}`);
    else reasons[reason] = (reasons[reason] ?? 0) + 1;
  }
  return { name, run, skipped, failed: Object.keys(failed).length, reasons, unexplained };
}
