import { ExtensionError } from "extruntime/engine";
import { changesMore, exportState } from "../state.ts";
import { startsBriefly } from "../ticks/brief-start.ts";
import { addTicks } from "../ticks/ticks.ts";
import { type WasmModule, wasmApi } from "../webassembly.ts";
import { START_FUNCTION } from "./grow-watch.ts";
import { UnknownInstruction } from "./instructions.ts";
import { type ModuleShape, readShape } from "./module-shape.ts";

/**
 * The two builds of a module: as it is, and with ticks, by which a deadline stops it on its caller's thread. Ticks cost some of a call, so they
 * are written in only where a deadline is wanted, and each build is compiled when it is first wanted.
 */
export class ModuleBuilds {
  readonly #bytes: Uint8Array;
  readonly #shape: ModuleShape;
  readonly #first: readonly string[];
  #plain: WasmModule | undefined;
  #ticking: WasmModule | ExtensionError | undefined;
  #isMovable: boolean | undefined;
  #startIsBrief: boolean | undefined;

  private constructor(bytes: Uint8Array, first: readonly string[]) {
    this.#bytes = bytes;
    this.#first = first;
    this.#shape = readShape(bytes);
  }

  /**
   * Compiles the build that is wanted first.
   *
   * @param limited the module with its limits written in.
   * @param first exports of which an instance calls the first that there is, before anything else.
   * @throws `WebAssembly.CompileError` of a module that is not valid.
   */
  static async make(limited: Uint8Array, first: readonly string[], ticking: boolean): Promise<ModuleBuilds> {
    const builds = new ModuleBuilds(exportState(limited, readShape(limited)), first);
    // Code that is not valid could name what ticks add to it. What compiles is valid.
    if (ticking && wasmApi.validate(builds.#bytes)) await builds.#compileTicking();
    else builds.#plain = await wasmApi.compile(builds.#bytes);
    return builds;
  }

  get plain(): WasmModule {
    this.#plain ??= new wasmApi.Module(this.#bytes);
    return this.#plain;
  }

  /** @throws ExtensionError `ERR_EXT_UNSUPPORTED` where the code has instructions of a newer proposal. */
  get ticking(): WasmModule {
    this.#ticking ??= this.#readCode(() => new wasmApi.Module(addTicks(this.#bytes, this.#shape)));
    if (this.#ticking instanceof ExtensionError) throw this.#ticking;
    return this.#ticking;
  }

  /** Whether the code that an instance starts with ends soon whatever it does. A module that cannot have ticks counts as such. */
  get startIsBrief(): boolean {
    this.#startIsBrief ??= this.#findBriefStart();
    return this.#startIsBrief;
  }

  /** Whether all the state of an instance can be read and written: so it can go on in one that has ticks, and be put back to what it was. */
  get isMovable(): boolean {
    this.#isMovable ??= this.#readCode(() => !changesMore(this.#bytes, this.#shape)) === true;
    return this.#isMovable;
  }

  async #compileTicking(): Promise<void> {
    const bytes = this.#readCode(() => addTicks(this.#bytes, this.#shape));
    this.#ticking = bytes instanceof ExtensionError ? bytes : await wasmApi.compile(bytes);
  }

  #findBriefStart(): boolean {
    const first = this.#first.filter((name) => this.#shape.exports.has(name)).slice(0, 1);
    const isBrief = this.#readCode(() => startsBriefly(this.#bytes, this.#shape, [START_FUNCTION, ...first]));
    return isBrief !== false;
  }

  #readCode<T>(read: () => T): T | ExtensionError {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof UnknownInstruction)) throw error;
      return new ExtensionError(
        "ERR_EXT_UNSUPPORTED",
        `no deadline can stop this module on the thread of its caller, since its code has an ${error.message}, of a proposal that is not known here: call it without a deadline, or place wasm in a thread or a process`,
        { cause: error },
      );
    }
  }
}
