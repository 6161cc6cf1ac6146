import { format } from "../format.ts";
import { type RunResult, rounds } from "../result.ts";
import { summarize } from "../statistics.ts";
import { markdownTable } from "./table.ts";

/** docs/choosing-an-engine.md: the advice is written here, its figures come from the run. */
export function renderGuide(result: RunResult): string {
  const f = figures(result);
  return `# Choosing an engine

<!-- Written by \`pnpm bench --report\` from benchmarks/results/report.json. Do not edit: the text is in benchmarks/src/report/guide.ts. -->

The figures are of [one run](EXTENSIONS_BENCHMARK.md) on one machine: a call of the shared fixture with 38 bytes, beside the bare
\`JSON.stringify(fn(JSON.parse(text)))\` in the same process. Run \`pnpm bench\` for those of yours.

${markdownTable(
  ["what you have", "runtime", "placement", "because"],
  [
    [
      "JavaScript that you trust",
      "native",
      "inline",
      `a call is ${f.ratio("native")} the bare loop; nothing is isolated or limited`,
    ],
    [
      "JavaScript of strangers, short calls",
      "quickjs",
      "thread, with a deadline; inline where the event loop may wait for it",
      `a hard sandbox with limits; inline a call is ${f.ratio("quickjs")} the bare loop, ${f.value("serial", "quickjs", "", "sync", "ns")} a call; a guest that never ends is stopped ${f.value("abort", "quickjs", "", "late", "ns")} after its deadline`,
    ],
    [
      "JavaScript of strangers that computes",
      "v8",
      "process, with a deadline: there it stops anything, and a crash of V8 costs one call",
      `an integer loop takes ${f.value("compute", "v8", "integers", "callX:bare-js", "×")} of plain JavaScript there, and ${f.value("compute", "quickjs", "integers", "callX:bare-js", "×")} in quickjs`,
    ],
    [
      "C, Rust, Go or AssemblyScript",
      "wasm",
      "inline with a deadline, which stops anything; thread where the event loop must not wait for it",
      `a hard sandbox at ${f.ratio("wasm")} the bare loop without a deadline`,
    ],
    [
      "Python that you trust, standard library",
      "pyvm",
      "inline",
      `a call takes ${f.value("serial", "pyvm", "", "syncX:inside-python", "×")} of the same call in Python's own loop with \`json\`, ${f.value("serial", "pyvm", "", "sync", "ns")}; calls to one module run in parallel`,
    ],
    [
      "Python with numpy",
      'pyvm, `"interpreter": "shared"`',
      "inline; process for parallel calls",
      `${f.value("concurrent", "pyvm-shared", "64", "rate", "per second")} at 64 at once inline, ${f.value("concurrent", "pyvm-shared@process", "64", "rate", "per second")} in processes, where a crash costs one call`,
    ],
    [
      "Python of strangers, or of several tenants",
      "pywasm",
      "inline, with a deadline; thread where the event loop must not wait for it",
      "a hard sandbox with limits: a deadline stops anything, and each call may have a pristine interpreter; packages of pure Python",
    ],
    [
      "Python of strangers with C extensions",
      "pyvm",
      "process, with the sandbox of the operating system",
      `CPython is no sandbox, so the process has to be one: ${f.value("concurrent", "pyvm@process", "64", "rate", "per second")} at 64 at once, first answer after ${f.value("start", "pyvm@process", "", "start", "ns")}`,
    ],
    [
      "code that may crash or never end",
      "any",
      "process",
      `anything can be stopped: ${f.value("abort", "native@process", "", "late", "ns")} after its deadline with native; a serial call costs ${f.value("serial", "native@process", "", "async", "ns")}`,
    ],
    [
      "an event loop that must not wait",
      "any",
      "thread",
      `delay at p99 beside guests that never rest: ${f.value("neighbour", "native@thread", "", "loopP99", "ns")} with native; ${f.value("concurrent", "native@thread", "64", "rate", "per second")} at 64 at once`,
    ],
    [
      "thousands of extensions, few of them hot",
      "native, quickjs or wasm",
      "inline",
      `one of 10,000 loaded ones takes ${f.value("memory", "native", "10000", "resident", "bytes")}, ${f.value("memory", "quickjs", "10000", "resident", "bytes")} and ${f.value("memory", "wasm", "10000", "resident", "bytes")}; an instance of pyvm takes ${f.value("memory", "pyvm", "100", "instance", "bytes")}`,
    ],
  ],
  "text",
)}

A placement is asked for by the manifest's \`placement\` or by the option of the factory. A runtime refuses one that it cannot run at, and a host's policy may require more than an extension asks for.

## What the peers are good for

${markdownTable(
  ["package", "call, × bare loop", "64 at once", "process to first answer"],
  result.subjects
    .filter(({ kind }) => kind === "peer")
    .map(({ id, title }) => [
      title,
      f.value("serial", id, "", "syncX:bare-js", "×", f.value("serial", id, "", "asyncX:bare-js", "×")),
      f.value("concurrent", id, "64", "rate", "per second"),
      f.value("start", id, "", "start", "ns"),
    ]),
)}
`;
}

function figures(result: RunResult) {
  const value = (
    trial: string,
    subject: string,
    size: string,
    metric: string,
    unit: Parameters<typeof format>[1],
    otherwise = "(not measured)",
  ) => {
    const summary = summarize(rounds(result, trial, subject, size, metric) ?? []);
    return summary === undefined ? otherwise : format(summary.median, unit);
  };
  return { value, ratio: (subject: string) => value("serial", subject, "", "syncX:bare-js", "×") };
}
