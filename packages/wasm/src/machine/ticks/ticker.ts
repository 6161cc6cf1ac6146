import type { StopSwitch } from "../stop.ts";
import { type WasmFunction, type WasmGlobal, type WasmImports, type WasmModule, wasmApi } from "../webassembly.ts";
import { COUNTDOWN, TICK_TABLE } from "./ticks.ts";

/**
 * The host's side of ticks: looks at the clock when a guest's countdown has ended, and past the deadline stops the guest by throwing. A guest
 * that catches that meets it again at its next tick. What a guest does in a tick may take a nanosecond or a microsecond, so the length of
 * the countdown follows the time that the last one took.
 */

/** Milliseconds between two looks at the clock, about. */
const BETWEEN_LOOKS_MS = 0.25;
const [FEWEST_TICKS, FIRST_TICKS, MOST_TICKS] = [64, 1000, 10_000];

interface TickTable {
  set(index: number, value: WasmFunction): void;
}

export class Ticker {
  readonly #check: (now: number) => void;
  readonly #function: WasmFunction;
  #countdown: WasmGlobal | undefined;
  #ticks = FIRST_TICKS;
  /** When it last looked. */
  #looked = Number.NEGATIVE_INFINITY;
  /** That was in another run: what came between was not the guest's time alone. */
  #isOfBefore = true;

  /** @param check throws where the run under way is to end; it gets the time on the clock of `performance.now()`. */
  constructor(check: (now: number) => void) {
    this.#check = check;
    this.#function = asWasmFunction(() => this.#look());
  }

  /** To be called before any code of the instance runs. */
  attach(exports: Readonly<Record<string, unknown>>): void {
    this.#countdown = exports[COUNTDOWN] as WasmGlobal;
    (exports[TICK_TABLE] as TickTable).set(0, this.#function);
  }

  /** A run begins. What is left of the countdown goes on. */
  begin(): void {
    this.#isOfBefore = true;
  }

  #look(): number {
    const now = performance.now();
    // A guest that catches what is thrown counts down further, and must not come past the smallest number.
    this.#countdown!.value = 0;
    this.#check(now);
    const took = now - this.#looked;
    this.#looked = now;
    if (took < BETWEEN_LOOKS_MS / 2) this.#ticks = Math.min(MOST_TICKS, this.#ticks * 2);
    else if (took > BETWEEN_LOOKS_MS * 2 && !this.#isOfBefore) this.#ticks = Math.max(FEWEST_TICKS, this.#ticks >> 1);
    this.#isOfBefore = false;
    return this.#ticks;
  }
}

/** The imports with a look at the clock at each call, but for those that are nothing but arithmetic. */
export function checkedImports(imports: WasmImports, stop: StopSwitch): WasmImports {
  const checked: WasmImports = {};
  for (const [module, functions] of Object.entries(imports)) {
    const own: Record<string, WasmFunction> = {};
    for (const [name, fn] of Object.entries(functions))
      own[name] = name.startsWith("Math.")
        ? fn
        : (...args: never[]) => {
            stop.check();
            return fn(...args);
          };
    checked[module] = own;
  }
  return checked;
}

/** `(module (import "h" "f" (func (result i32))) (export "f" (func 0)))`: a table takes functions of WebAssembly and no others. */
const WRAPPER = Uint8Array.from([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 5, 1, 0x60, 0, 1, 0x7f],
  ...[2, 7, 1, 1, 0x68, 1, 0x66, 0, 0],
  ...[7, 5, 1, 1, 0x66, 0, 0],
]);
let wrapper: WasmModule | undefined;

function asWasmFunction(fn: () => number): WasmFunction {
  wrapper ??= new wasmApi.Module(WRAPPER);
  return new wasmApi.Instance(wrapper, { h: { f: fn as WasmFunction } }).exports.f as WasmFunction;
}
