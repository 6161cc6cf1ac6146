import { readFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { type Call, type Extension, type HostCalls, type Instance, UNLIMITED } from "extruntime/engine";
import { expect, test } from "vitest";
import { HeapLimit } from "../src/heap-limit.ts";
import { PlainHomes } from "../src/home.ts";
import { LinearMemory } from "../src/linear-memory.ts";
import { QuickJSProgram } from "../src/program.ts";
import { Wasm } from "../src/webassembly.ts";
import { sanitizedBuild } from "./sanitized-build.ts";

const printed: string[] = [];
const build = sanitizedBuild(printed);
const memory = new LinearMemory(build, new Wasm.Module(readFileSync(build.path)));
/** Frames of this build take much of the host's stack. */
const STACK_BYTES = 32 * 1024;
/** The memory's own buffer for arguments, which only JavaScript holds. */
const OWN = "4 byte(s) leaked in 1 allocation(s)";

function leaked(): string {
  printed.length = 0;
  memory.exports.QTS_RecoverableLeakCheck();
  return /\d+ byte\(s\) leaked in \d+ allocation\(s\)/.exec(printed.join(""))?.[0] ?? "nothing";
}

function program(source: string, files: Record<string, string> = {}, host?: HostCalls): QuickJSProgram {
  const manifest = { name: "guest", module: "guest.js", exports: ["f"], runtime: "quickjs" };
  return new QuickJSProgram(
    { manifest, location: "memory:guest" } as unknown as Extension,
    { main: "guest.js", files: new Map([["guest.js", source], ...Object.entries(files)]) },
    { memoryBytes: undefined, maxInstances: 1, host, log() {} },
    {
      homes: new PlainHomes({ take: () => memory, drop() {} }),
      heap: new HeapLimit(Number.POSITIVE_INFINITY, true),
      stackBytes: STACK_BYTES,
    },
  );
}

/** Loads, calls with each payload, and closes, whatever fails. */
function live(
  source: string,
  payloads: string[] = ["1", "null", "{"],
  options: { call?: () => Call; files?: Record<string, string> } = {},
): void {
  const { call = () => UNLIMITED, files } = options;
  try {
    const instance = program(source, files).instantiate(call());
    for (const payload of payloads) {
      try {
        instance.invoke("f", payload, call());
      } catch {}
    }
    instance.close();
  } catch {}
}

/** The instance that a guest of this host lives in, for it to abort. */
let waiting: Instance | undefined;

/** Answers "now" at once, "later" with a promise, and anything else with one that never settles. */
const host: HostCalls = {
  names: ["now", "later", "never"],
  call(name, payload) {
    if (name === "now") return `=${payload}`;
    if (name === "fail") return '!["Error","failed"]';
    if (name === "abort") waiting?.abort?.(UNLIMITED);
    return name === "later" ? Promise.resolve(`=${payload}`) : new Promise(() => {});
  },
  callNow: (_, payload) => `=${payload}`,
};

/** The same as `live`, with the host's functions. A call that waits for "never" is aborted. */
async function liveWithHost(source: string): Promise<void> {
  const instance = program(source, {}, host).instantiate(UNLIMITED) as Instance;
  waiting = instance;
  for (const payload of ["1", "2"]) {
    try {
      const result = Promise.allSettled([instance.invoke("f", payload, UNLIMITED)]);
      // Answers of this host come within a turn of the event loop, if at all.
      await setImmediate();
      if (instance.broken === false) instance.abort?.(UNLIMITED);
      await result;
    } catch {}
    if (instance.broken === true) break;
  }
  instance.close();
}

test("the sanitizer sees a leak", () => {
  expect(leaked()).toBe(OWN);
  const lost = memory.exports.malloc(1000);
  expect(leaked()).toBe("1004 byte(s) leaked in 2 allocation(s)");
  memory.exports.free(lost);
  expect(leaked()).toBe(OWN);
});

test.each<[string, () => void]>([
  ["after calls of a script", () => live("function f(value) { return { value, text: 'x'.repeat(100000) } }")],
  [
    "after calls of a module with imports",
    () =>
      live("import { a } from './a.js'; export const f = async (v) => { await a; return v }", ["1"], {
        files: { "a.js": "export const a = 1" },
      }),
  ],
  [
    "after errors of every kind",
    () =>
      live("function f(v) { if (v === 1) throw new TypeError('x'); if (v === null) throw null; return 1n }", [
        "1",
        "null",
        "2",
        "{",
        "[1",
      ]),
  ],
  [
    "after promises that never settle",
    () => live("const kept = []; function f(v) { return new Promise((r) => kept.push(r)) }"),
  ],
  [
    "after reactions that were left",
    () => live("function f(v) { Promise.reject(1); Promise.resolve().then(() => { throw 2 }); return 3 }"),
  ],
  ["after console lines", () => live("function f(v) { console.log(v, { v }, new Error('e')); console.error() }")],
  ["after a syntax error", () => live("let = = 1")],
  [
    "after a syntax error in a module",
    () => live("import './a.js'; export function f() {}", [], { files: { "a.js": "let = = 1" } }),
  ],
  ["after an import of nothing", () => live("import './b.js'; export function f() {}")],
  ["after a top level that throws", () => live("throw new Error('top')")],
  ["after a top-level await that never settles", () => live("await new Promise(() => {}); export function f() {}")],
  ["after a missing function", () => live("function g() {}")],
  ["after endless recursion", () => live("function f(v) { return f(v) }", ["1"])],
  [
    "after a guest was stopped",
    () =>
      live("function f(v) { for (;;); }", ["1"], {
        call: () => ({ deadline: performance.now() + 500, signal: undefined }),
      }),
  ],
  [
    "after a top level was stopped",
    () => live("for (;;);", [], { call: () => ({ deadline: performance.now() + 500, signal: undefined }) }),
  ],
  ["after large payloads", () => live("function f(v) { return v }", [JSON.stringify("é".repeat(100_000)), `"\ud800"`])],
])("nothing stays allocated %s", (_, run) => {
  run();
  expect(memory.dead).toBe(false);
  expect(leaked()).toBe(OWN);
});

test.each([
  ["answers at once", "const f = async (v) => [await host.call('now', v), await host.call('now', { v })]"],
  ["answers later", "const f = async (v) => [await host.call('later', v), await host.call('later', 'x'.repeat(1e5))]"],
  ["failures", "const f = async (v) => { await host.call('fail').catch(() => {}); await host.call('fail') }"],
  ["values without JSON form", "const f = (v) => host.call('now', v === 1 ? 1n : () => 1)"],
  ["calls that were left", "function f(v) { for (let i = 0; i < 50; i++) host.call('later', v); return v }"],
  ["calls without an answer that were left", "function f(v) { host.call('never', v).then(() => v); return v }"],
  [
    "a guest that was stopped while it waited",
    "const f = async (v) => { await host.call('later', v); await host.call('never', v) }",
  ],
  [
    "a guest that was stopped while it took an answer",
    "function f(v) { Object.defineProperty(Object.prototype, 'then', { get() { host.call('abort') } }); return host.call('later', v).then(() => host.call('later', {})) }",
  ],
  [
    "an error while calls were open",
    "const f = (v) => { host.call('never'); host.call('later'); throw new Error('x') }",
  ],
])("nothing stays allocated after host calls: %s", async (_, source) => {
  await liveWithHost(source);
  expect(memory.dead).toBe(false);
  expect(leaked()).toBe(OWN);
});
