import type { Call, LogLevel, Program } from "extruntime/engine";
import type { LoadRequest } from "./addon.ts";
import type { Bridge } from "./bridge.ts";
import { PyvmInstance } from "./instance.ts";
import type { SetAside } from "./set-aside.ts";

/** What every copy of a program is loaded with. */
export type ProgramRequest = Omit<LoadRequest, "program">;

/** An extension's code, compiled once, and how it wants to be loaded. */
export class PyvmProgram implements Program {
  readonly #bridge: Bridge;
  readonly #request: ProgramRequest;
  readonly #functions: ReadonlyMap<string, number>;
  readonly #setAside: SetAside;
  readonly #log: (level: LogLevel, text: string) => void;
  readonly #copies: number[] = [];

  constructor(
    bridge: Bridge,
    request: ProgramRequest,
    setAside: SetAside,
    log: (level: LogLevel, text: string) => void,
  ) {
    this.#bridge = bridge;
    this.#request = request;
    this.#functions = new Map(request.exports.map((name, index) => [name, index]));
    this.#setAside = setAside;
    this.#log = log;
  }

  async instantiate(call: Call): Promise<PyvmInstance> {
    this.#setAside.check();
    const program = this.#bridge.addon.program();
    this.#copies.push(program);
    this.#bridge.listen(program, this.#log);
    return PyvmInstance.load(this.#bridge, { ...this.#request, program }, this.#functions, this.#setAside, call);
  }

  close(): void {
    for (const program of this.#copies) this.#bridge.unlisten(program);
  }
}
