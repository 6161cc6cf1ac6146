import type { Call, CompileContext, Program } from "extruntime/engine";
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
  readonly #context: CompileContext;
  readonly #copies: number[] = [];

  constructor(bridge: Bridge, request: ProgramRequest, setAside: SetAside, context: CompileContext) {
    this.#bridge = bridge;
    this.#request = request;
    this.#functions = new Map(request.exports.map((name, index) => [name, index]));
    this.#setAside = setAside;
    this.#context = context;
  }

  async instantiate(call: Call): Promise<PyvmInstance> {
    this.#setAside.check();
    const program = this.#bridge.addon.program();
    this.#copies.push(program);
    const instance = new PyvmInstance(this.#bridge, this.#functions, this.#setAside);
    this.#bridge.listen(program, {
      print: (level, text, ofCall) => this.#context.log(level, text, ofCall ? instance.speaker : call),
      host: this.#context.host,
      caller: () => instance.caller,
      callerHere: () => instance.callerHere,
      waits: () => instance.waits(),
    });
    await instance.load({ ...this.#request, program }, call);
    return instance;
  }

  close(): void {
    for (const program of this.#copies) this.#bridge.unlisten(program);
  }
}
