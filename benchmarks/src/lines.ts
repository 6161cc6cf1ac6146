import { type Cell, type RunResult, rounds } from "./result.ts";
import { type Rounds, summarize } from "./statistics.ts";

/** The promises of speed that this project makes, each as a ratio that the run measures. */
export interface SpeedLine {
  readonly id: string;
  /** Group in the report. */
  readonly about: string;
  readonly claim: string;
  /** `atMost` for times and sizes, `atLeast` for rates. */
  readonly bound: { readonly atMost: number } | { readonly atLeast: number };
  readonly unit: "×" | "ns" | "bytes";
  /** The job that is profiled where the line is not met. */
  readonly job: { readonly trial: string; readonly subject: string; readonly size: string };
  readonly measure: (result: RunResult) => Rounds | undefined;
}

export interface JudgedLine {
  readonly line: SpeedLine;
  readonly verdict: "met" | "not met" | "not measured";
  readonly rounds: Rounds;
}

/** A metric of one cell, as it is. */
function metric(trial: string, subject: string, size: string, id: string) {
  return { job: { trial, subject, size }, measure: (result: RunResult) => rounds(result, trial, subject, size, id) };
}

const serial = (subject: string, id: string) => metric("serial", subject, "", id);
const at64 = (subject: string, id: string) => metric("concurrent", subject, "64", id);

export const LINES: readonly SpeedLine[] = [
  {
    id: "native-bare",
    about: "native",
    claim: "invokeSync ÷ bare JSON.stringify(fn(JSON.parse(text)))",
    bound: { atMost: 1.15 },
    unit: "×",
    ...serial("native", "syncX:bare-js"),
  },
  {
    id: "wasm-by-hand",
    about: "wasm, pointer ABI",
    claim: "invokeSync ÷ a hand-written loop around the same module",
    bound: { atMost: 1.2 },
    unit: "×",
    ...serial("wasm", "syncX:wasm-by-hand"),
  },
  {
    id: "wasm-bare",
    about: "wasm, pointer ABI",
    claim: "invokeSync ÷ bare JavaScript loop",
    bound: { atMost: 1.1 },
    unit: "×",
    ...serial("wasm", "syncX:bare-js"),
  },
  {
    id: "quickjs-by-hand",
    about: "quickjs",
    claim: "invokeSync ÷ the better of two hand-tuned uses of quickjs-emscripten",
    bound: { atMost: 1.1 },
    unit: "×",
    job: { trial: "serial", subject: "quickjs", size: "" },
    measure: (result) =>
      worse(
        rounds(result, "serial", "quickjs", "", "syncX:quickjs-dispatcher"),
        rounds(result, "serial", "quickjs", "", "syncX:quickjs-ffi"),
      ),
  },
  {
    id: "quickjs-eval",
    about: "quickjs",
    claim: "invokeSync ÷ evalCode per call",
    bound: { atMost: 0.5 },
    unit: "×",
    ...serial("quickjs", "syncX:quickjs-eval"),
  },
  {
    id: "native-load",
    about: "native",
    claim: "resident memory of a loaded module, of 10,000",
    bound: { atMost: 64 * 1024 },
    unit: "bytes",
    ...metric("memory", "native", "10000", "resident"),
  },
  {
    id: "quickjs-load",
    about: "quickjs",
    claim: "resident memory of a loaded module, of 10,000",
    bound: { atMost: 64 * 1024 },
    unit: "bytes",
    ...metric("memory", "quickjs", "10000", "resident"),
  },
  {
    id: "pyvm-inside",
    about: "pyvm",
    claim: "invokeSync ÷ json.dumps(validate(json.loads(s))) in the same CPython",
    bound: { atMost: 0.35 },
    unit: "×",
    ...serial("pyvm", "syncX:inside-python"),
  },
  {
    id: "pyvm-orjson",
    about: "pyvm",
    claim: "invokeSync ÷ the same loop with orjson in the same interpreter, shared",
    bound: { atMost: 1.15 },
    unit: "×",
    ...serial("pyvm-shared", "syncX:inside-orjson"),
  },
  {
    id: "pyvm-bare",
    about: "pyvm",
    claim: "invokeSync ÷ bare JavaScript loop",
    bound: { atMost: 2 },
    unit: "×",
    ...serial("pyvm", "syncX:bare-js"),
  },
  {
    id: "pyvm-async-work",
    about: "pyvm",
    claim: "invoke, one at a time ÷ an empty napi_async_work and back",
    bound: { atMost: 1 },
    unit: "×",
    ...serial("pyvm", "asyncX:async-work"),
  },
  {
    id: "pyvm-at-64",
    about: "pyvm",
    claim: "rate of 64 at once ÷ rate of invokeSync",
    bound: { atLeast: 0.5 },
    unit: "×",
    ...at64("pyvm", "rateX:own-sync"),
  },
  {
    id: "pyvm-pipe",
    about: "pyvm",
    claim: "rate of 64 at once ÷ a Python child over a pipe with JSON lines, a line a write",
    bound: { atLeast: 5 },
    unit: "×",
    ...at64("pyvm", "rateX:python-pipe"),
  },
  {
    id: "pyvm-load",
    about: "pyvm",
    claim: "load of a module with a warm spare",
    bound: { atMost: 1e6 },
    unit: "ns",
    ...metric("load", "pyvm", "", "load"),
  },
  {
    id: "pyvm-abort",
    about: "pyvm",
    claim: "timeout of a guest that never ends: how long past the deadline its caller has it",
    bound: { atMost: 10e6 },
    unit: "ns",
    ...metric("abort", "pyvm", "", "late"),
  },
  {
    id: "thread-sync",
    about: "placement thread",
    claim: "invokeSync of native, which blocks the caller ÷ an Atomics round trip by hand, which does too",
    bound: { atMost: 1.3 },
    unit: "×",
    ...serial("native@thread", "syncX:thread-atomics"),
  },
  {
    id: "thread-async",
    about: "placement thread",
    claim: "invoke of native, one at a time ÷ a postMessage round trip by hand",
    bound: { atMost: 1.3 },
    unit: "×",
    ...serial("native@thread", "asyncX:thread-message"),
  },
  {
    id: "thread-at-64",
    about: "placement thread",
    claim: "rate of 64 at once of native ÷ hand-written postMessage batched per tick",
    bound: { atLeast: 1 },
    unit: "×",
    ...at64("native@thread", "rateX:thread-batched"),
  },
  {
    id: "process-at-64",
    about: "placement process",
    claim: "rate of 64 at once of native ÷ a JSON-lines pipe by hand, a line a write, to the same kind of child",
    bound: { atLeast: 1.5 },
    unit: "×",
    ...at64("native@process", "rateX:node-pipe"),
  },
  {
    id: "process-python-at-64",
    about: "placement process",
    claim: "rate of 64 at once of pyvm ÷ a JSON-lines pipe by hand, a line a write, to a Python child",
    bound: { atLeast: 1.5 },
    unit: "×",
    ...at64("pyvm@process", "rateX:python-pipe"),
  },
  {
    id: "v8-by-hand",
    about: "v8",
    claim: "invokeSync ÷ the best hand-tuned use of isolated-vm",
    bound: { atMost: 1.2 },
    unit: "×",
    ...serial("v8", "syncX:isolated-vm"),
  },
  {
    id: "v8-at-64",
    about: "v8",
    claim: "rate of 64 at once ÷ the best hand-tuned use of isolated-vm off the thread",
    bound: { atLeast: 1 / 1.2 },
    unit: "×",
    ...at64("v8", "rateX:isolated-vm"),
  },
  {
    id: "loop-delay",
    about: "every placement but inline",
    claim: "event loop's delay at p99 beside guests that never rest, the worst of all",
    bound: { atMost: 5e6 },
    unit: "ns",
    job: { trial: "neighbour", subject: "native@thread", size: "" },
    measure: worstDelay,
  },
];

/** Each line against the medians of a run. */
export function judge(result: RunResult, lines: readonly SpeedLine[] = LINES): JudgedLine[] {
  return lines.map((line) => {
    const values = line.measure(result) ?? [];
    const middle = summarize(values)?.median;
    if (middle === undefined) return { line, verdict: "not measured", rounds: [] };
    const met = "atMost" in line.bound ? middle <= line.bound.atMost : middle >= line.bound.atLeast;
    return { line, verdict: met ? "met" : "not met", rounds: values };
  });
}

/** The larger of two quotients is that to the better floor. */
function worse(a: Rounds | undefined, b: Rounds | undefined): Rounds | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.map((value, round) => {
    const other = b[round];
    return value === null || other === null || other === undefined ? value : Math.max(value, other);
  });
}

function worstDelay({ cells, subjects }: RunResult): Rounds | undefined {
  const placed = new Set(subjects.filter(({ placement }) => placement !== "inline").map(({ id }) => id));
  const delays = cells
    .filter(({ trial, subject }: Cell) => trial === "neighbour" && placed.has(subject))
    .flatMap(({ metrics }) => (metrics.loopP99 === undefined ? [] : [metrics.loopP99]));
  return delays.length === 0 ? undefined : delays.reduce((a, b) => worse(a, b)!);
}
