import type { Call, Instance } from "extruntime/engine";
import { badResult, readResult } from "../abi/result-text.ts";
import type { TextBuffer } from "../machine/memory/linear-memory.ts";
import { PAGE_BYTES } from "../machine/module/memory-limit.ts";
import { ResultBuffer } from "../machine/wasi/wasi-streams.ts";
import { Guest, type GuestOptions } from "./guest.ts";

/**
 * The WASI command ABI: a program that runs once from `_start` to its end. A second run needs fresh memory and globals,
 * so each call makes a WebAssembly instance of its own, of code that was compiled at load, and drops it afterwards.
 */
export class CommandInstance implements Instance {
  readonly #guest: Guest;
  readonly #name: string;
  readonly #result: ResultBuffer;

  constructor(options: GuestOptions, name: string) {
    this.#result = new ResultBuffer(options.compiled.maxPages * PAGE_BYTES, options.bounds);
    this.#guest = new Guest({ ...options, stdout: this.#result });
    this.#name = name;
  }

  invoke(fn: string, payload: string, call: Call): string {
    this.#guest.serve(call);
    this.#result.clear();
    this.#guest.runCommand([this.#name, fn], Buffer.from(payload), call.deadline);
    const bytes = this.#result.take();
    const text = readResult(bytes as TextBuffer, 0, bytes.length);
    if (text === undefined) throw badResult("is not valid UTF-8");
    return text;
  }

  close(): void {}
}
