import { randomInt } from "node:crypto";
import { guestError } from "extruntime/engine";
import { type ASSEMBLYSCRIPT_FUNCTIONS, MATH_FUNCTIONS } from "../machine/host-functions.ts";
import type { LinearMemory } from "../machine/memory/linear-memory.ts";
import type { ModuleShape } from "../machine/module/module-shape.ts";
import { GuestExit, type StopSwitch } from "../machine/stop.ts";
import type { BoundedLog } from "../machine/wasi/bounded-log.ts";
import { Clocks, MONOTONIC } from "../machine/wasi/wasi-clocks.ts";
import type { WasmFunction } from "../machine/webassembly.ts";
import { RandomArrays } from "./assemblyscript-random.ts";

/**
 * What AssemblyScript's standard library imports from `env`: `abort` (a `throw`, a failed assertion), `seed` (the start of
 * `Math.random`), `trace`, the console, clocks, random bytes, `process.exit` and the `Math` of JavaScript. Clocks are as
 * coarse as those of WASI. Strings are UTF-16 with their length in bytes in the four bytes before them.
 */

const MAX_TEXT_BYTES = 8 * 1024;
const SEED_RANGE = 2 ** 47;
/** Timers of the console that a guest may have at a time; further ones are not started. */
const MAX_TIMERS = 1000;
const NS_PER_MS = 1_000_000;

/** What a program can change of it. */
export interface EnvState {
  readonly timers: ReadonlyMap<string, number>;
  readonly elapsedMs: number;
}

/** Of a program that has not started. */
export const UNTOUCHED_ENV: EnvState = { timers: new Map(), elapsedMs: 0 };

type EnvFunctions = { readonly [Name in keyof typeof ASSEMBLYSCRIPT_FUNCTIONS]: WasmFunction };

/** The host's side of one guest's `env`. */
export class AssemblyScriptEnv {
  /** Where random bytes go. */
  readonly arrays: RandomArrays;
  readonly #memory: LinearMemory;
  readonly #stop: StopSwitch;
  readonly #log: BoundedLog;
  readonly #clocks = new Clocks();
  readonly #timers = new Map<string, number>();

  constructor(memory: LinearMemory, stop: StopSwitch, log: BoundedLog) {
    this.#memory = memory;
    this.#stop = stop;
    this.#log = log;
    this.arrays = new RandomArrays(memory, stop);
  }

  get state(): EnvState {
    return { timers: new Map(this.#timers), elapsedMs: this.#clocks.elapsedMs };
  }

  /** As it was, for a program that goes on from there. */
  restore({ timers, elapsedMs }: EnvState): void {
    this.arrays.forget();
    if (this.#timers.size > 0) this.#timers.clear();
    for (const [label, started] of timers) this.#timers.set(label, started);
    this.#clocks.elapsedMs = elapsedMs;
  }

  /** Of its functions those that a module imports. */
  imports(shape: ModuleShape): Record<string, WasmFunction> {
    const all: Record<string, WasmFunction> = { ...this.#functions(), ...mathFunctions };
    const wanted = shape.imports.filter((item) => item.module === "env").map((item) => item.name);
    return Object.fromEntries(wanted.map((name) => [name, all[name]!]));
  }

  #functions(): EnvFunctions {
    const text = (pointer: number): string => readText(this.#memory, pointer >>> 0);
    const stop = this.#stop;
    const log = this.#log;
    return {
      abort: (message: number, file: number, line: number, column: number) => {
        const what = text(message) || "abort";
        const stack = `Error: ${what}\n    at ${text(file) || "?"}:${line >>> 0}:${column >>> 0}`;
        stop.stop(guestError({ name: "Error", message: what, stack }));
      },
      seed: () => randomInt(SEED_RANGE),
      trace: (message: number, count: number, ...values: number[]) =>
        log.line("debug", [text(message), ...values.slice(0, Math.max(0, count))].join(" ")),
      "console.log": (message: number) => log.line("info", text(message)),
      "console.info": (message: number) => log.line("info", text(message)),
      "console.debug": (message: number) => log.line("debug", text(message)),
      "console.warn": (message: number) => log.line("warn", text(message)),
      "console.error": (message: number) => log.line("error", text(message)),
      "console.assert": (condition: number, message: number) => {
        if (condition === 0) log.line("error", ["Assertion failed", text(message)].filter(Boolean).join(": "));
      },
      "console.time": (label: number) => this.#startTimer(text(label)),
      "console.timeLog": (label: number) => this.#logTimer(text(label)),
      "console.timeEnd": (label: number) => {
        this.#logTimer(text(label));
        this.#timers.delete(text(label));
      },
      "Date.now": () => Date.now(),
      "performance.now": () => this.#millis(),
      "crypto.getRandomValuesN": (length: number) => this.arrays.make(length >>> 0),
      "process.exit": (code: number) => stop.stop(new GuestExit(code)),
    };
  }

  /** Milliseconds since the guest's instance was made, in steps of a microsecond. */
  #millis(): number {
    return Number(this.#clocks.now(MONOTONIC)) / NS_PER_MS;
  }

  #startTimer(label: string): void {
    if (this.#timers.has(label)) this.#log.line("warn", `the timer ${label} runs already`);
    else if (this.#timers.size < MAX_TIMERS) this.#timers.set(label, this.#millis());
    else this.#log.line("warn", `the timer ${label} is not started: ${MAX_TIMERS} run`);
  }

  #logTimer(label: string): void {
    const started = this.#timers.get(label);
    if (started === undefined) this.#log.line("warn", `there is no timer ${label}`);
    else this.#log.line("info", `${label}: ${(this.#millis() - started).toFixed(3)}ms`);
  }
}

const mathFunctions: Record<string, WasmFunction> = Object.fromEntries(
  [...MATH_FUNCTIONS.keys()].map((name) => [`Math.${name}`, Math[name as "abs"] as WasmFunction]),
);

/** Empty for a null pointer and for one that does not lead to a string inside the memory. */
function readText(memory: LinearMemory, pointer: number): string {
  if (pointer < 4 || !memory.has(pointer, 0)) return "";
  const length = memory.bytes.readUInt32LE(pointer - 4);
  if (!memory.has(pointer, length)) return "";
  return memory.bytes.toString("utf16le", pointer, pointer + Math.min(length, MAX_TEXT_BYTES));
}
