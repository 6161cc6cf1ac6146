import {
  type Bounds,
  type Call,
  type CompileContext,
  DEFAULT_BOUNDS,
  type Extension,
  ExtensionError,
  type Instance,
  type Program,
} from "extruntime/engine";
import type { ProgramFiles } from "./files/program-files.ts";
import { PywasmInstance } from "./instance.ts";
import { STATUS } from "./interpreter/abi.ts";
import type { StartedPython } from "./interpreter/code.ts";
import { giveInterpreter, takeInterpreter } from "./interpreter/free-interpreters.ts";
import type { Interpreter, InterpreterImage } from "./interpreter/interpreter.ts";
import { Output } from "./interpreter/output.ts";
import { refusedStatus } from "./outcome.ts";

/** An extension's files, and, once its top level has run, the state of an interpreter after it, with which every instance begins. */
export class PywasmProgram implements Program {
  readonly bounds: Bounds;
  /** Each call begins with the state after the top level. */
  readonly fresh: boolean;
  readonly #python: StartedPython;
  readonly #files: ProgramFiles;
  readonly #extension: Extension;
  readonly #context: CompileContext;
  readonly #limit: number;
  readonly #functions: ReadonlyMap<string, number>;
  #image: InterpreterImage | undefined;

  constructor(
    python: StartedPython,
    files: ProgramFiles,
    extension: Extension,
    context: CompileContext,
    limit: number,
  ) {
    this.#python = python;
    this.#files = files;
    this.#extension = extension;
    this.#context = context;
    this.#limit = limit;
    this.bounds = context.bounds ?? DEFAULT_BOUNDS;
    this.fresh = context.fresh === true;
    this.#functions = new Map(extension.manifest.exports.map((name, index) => [name, index]));
  }

  instantiate(call: Call): Instance {
    const interpreter = takeInterpreter(this.#python);
    interpreter.limit = this.#limit;
    interpreter.output = new Output((level, line) => this.#context.log(level, line), this.bounds);
    interpreter.host.granted = this.#context.host;
    interpreter.host.bounds = this.bounds;
    interpreter.mount(this.#files.root);
    try {
      if (this.#image === undefined) this.#load(interpreter, call);
      else this.restore(interpreter);
    } catch (error) {
      giveInterpreter(interpreter);
      throw error;
    }
    return new PywasmInstance(this, interpreter, this.#functions);
  }

  /** Puts an interpreter of this program back to the state after the top level. */
  restore(interpreter: Interpreter): void {
    interpreter.restore(this.#image!);
    interpreter.run({ deadline: Number.POSITIVE_INFINITY, signal: undefined }, undefined, (exports) =>
      exports.ext_renew(),
    );
  }

  close(): void {
    this.#image = undefined;
  }

  #load(interpreter: Interpreter, call: Call): void {
    const { manifest } = this.#extension;
    interpreter.restore(this.#python.image);
    const request = {
      file: this.#files.main,
      paths: this.#files.paths,
      exports: manifest.exports,
      extended: manifest.settings.json === "extended",
      config: this.#context.config,
    };
    const { resultBytes, hostCallBytes } = this.bounds;
    const status = interpreter.run(call, JSON.stringify(request), (exports, length) =>
      exports.ext_load(length, resultBytes, hostCallBytes),
    );
    if (status !== STATUS.done) throw refusedStatus(interpreter, status, this.bounds);
    const [missing] = JSON.parse(interpreter.text) as string[];
    if (missing !== undefined)
      throw new ExtensionError(
        "ERR_EXT_UNKNOWN_FUNCTION",
        `${this.#extension.location}: "exports" names ${missing}, which ${manifest.module} does not define as a function at its top level`,
        { function: missing },
      );
    this.#image = interpreter.image(this.#python.image);
  }
}
