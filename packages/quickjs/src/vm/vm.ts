import { type Call, ExtensionError, type GuestErrorDetails, guestError, resultTooLong } from "extruntime/engine";
import type { QuickJSExports } from "../build.ts";
import { cannotImport, DISPATCHER_FILE, MARK, readDetails, readOutcome } from "../guest-javascript/index.ts";
import type { LinearMemory, VmCallbacks } from "../linear-memory.ts";
import { ENTRY } from "./dispatcher.ts";
import { GuestRequests, type RequestOptions } from "./guest-requests.ts";
import { GuestStop, STOPPED } from "./guest-stop.ts";
import { brokenMachine, isOutOfMemory, isTooDeep, outOfMemory } from "./outcome.ts";
import { startUpCode } from "./start-up.ts";
import { EVAL, type Handle, type VmOptions } from "./vm-options.ts";
import { newState, type VmState } from "./vm-state.ts";

const PENDING = 0;
const REJECTED = 2;
/** Jobs between two looks at the deadline, which a job that is short may never see. */
const JOBS = 64;
/** Bytes that a character of an error's texts takes at the most, in the description that tells of it. */
const ROOM_FOR_ERROR = 6 * 6;

/**
 * One QuickJS runtime with one context and the dispatcher in it. Nothing here runs in parallel: a guest runs between
 * `run` and its return, on the thread that called it. Errors are ExtensionErrors; after one that leaves `broken` set
 * the VM is good for `free` only.
 */
export class Vm implements VmCallbacks {
  readonly memory: LinearMemory;
  readonly #exports: QuickJSExports;
  /** For another VM, of a memory with the same content. */
  readonly state: VmState;
  readonly #context: number;
  readonly #undefined: number;
  readonly #newString: (pointer: number) => Handle;
  #options: VmOptions;
  /** Of the guest that is in it. */
  requests: GuestRequests;
  readonly #stop = new GuestStop();
  #broken = false;

  /** @param state of the VM that the memory's content has in it; without it, it is made there, to be prepared. */
  constructor(memory: LinearMemory, options: VmOptions, state?: VmState) {
    this.memory = memory;
    this.#options = options;
    const { exports } = memory;
    this.#exports = exports;
    this.state = state ?? newState(exports, options.stackBytes);
    const { runtime, context } = this.state;
    this.#context = context;
    this.#undefined = this.state.undefinedValue;
    this.#newString = (pointer) => exports.QTS_NewString(context, pointer);
    this.requests = this.#newRequests();
    memory.attach(runtime, context, this);
  }

  /** The memory was put back, so that nothing is left of what stopped the guest. @param options of another guest, which is in it from now on. */
  renew(options?: VmOptions): void {
    this.#broken = false;
    if (options === undefined) return;
    this.#options = options;
    this.requests = this.#newRequests();
  }

  #newRequests(): GuestRequests {
    const { bounds, log } = this.#options;
    const own: RequestOptions = { bounds, log: (level, message) => log(level, message, this.#stop.call) };
    return new GuestRequests(this.memory, this.#context, own, (text) => this.#newText(text));
  }

  /** It must not run guest code any more: it was stopped, ran out of memory, or its linear memory is dead. */
  get broken(): boolean {
    return this.#broken || this.memory.dead;
  }

  /** Whether guest code of it is on the stack. */
  get running(): boolean {
    return this.#stop.call !== undefined;
  }

  /** Runs the start-up, before any guest code. */
  prepare(): void {
    const exports = this.#exports;
    for (const { source, request } of startUpCode(this.#options)) {
      const result = this.#install(source, request);
      const { entries } = this.state;
      if (entries.length === 0)
        for (let index = 0; index < Object.keys(ENTRY).length; index++)
          entries.push(exports.QTS_GetPropNumber(this.#context, result, index));
      this.release(result);
    }
  }

  /** Evaluates a function of ours in the guest's context and calls it with one that calls the host. */
  #install(source: string, fn: number): Handle {
    const exports = this.#exports;
    const factory = this.evaluate(source, DISPATCHER_FILE, EVAL.script);
    const name = this.memory.ownedText("host");
    const callback = exports.QTS_NewFunction(this.#context, name, 3, 0, fn);
    exports.free(name);
    const result = this.#invoke(factory, callback);
    for (const handle of [factory, callback]) this.release(handle);
    return result;
  }

  /**
   * Lets `body` run guest code within the limits of a call. What stops it is thrown from here, whatever the guest made of it.
   */
  run<Result>(call: Call, body: () => Result): Result {
    this.#stop.begin(call);
    const before = this.memory.enter(this);
    this.memory.exhausted = false;
    try {
      const result = body();
      if (this.#stop.stopped) throw this.#stopError(call);
      return result;
    } catch (error) {
      throw this.#failure(error, call);
    } finally {
      this.#stop.end();
      this.memory.enter(before);
    }
  }

  /** Ends a call: what runs is stopped, as at its deadline, and what waits goes on no more. Returns the error for it. */
  stop(call: Call): unknown {
    this.#stop.stop(call);
    return this.#stopError(call);
  }

  /** Runs code and returns its value; for a module its namespace, or a promise of it. */
  evaluate(source: string, file: string, flags: number): Handle {
    const code = this.memory.ownedText(source);
    const name = this.memory.ownedText(file);
    if (code === 0 || name === 0) throw outOfMemory();
    const result = this.#exports.QTS_Eval(this.#context, code, Buffer.byteLength(source), name, 0, flags);
    this.#exports.free(code);
    this.#exports.free(name);
    return this.#checked(result);
  }

  /** Calls an entry or an invoker, and reads the string that it returns. The only way of a payload into the guest. */
  callWithText(fn: Handle, text: string): string {
    const exports = this.#exports;
    const argument = this.memory.withText(text, this.#newString);
    if (argument === undefined) throw outOfMemory();
    // Nothing but the end of memory keeps a string from being made.
    const value = this.memory.exhausted ? this.#checked(argument) : argument;
    this.memory.setPointer(this.memory.argv, value);
    const result = exports.QTS_Call(this.#context, fn, this.#undefined, 1, this.memory.argv);
    this.release(value);
    return this.#textOf(result);
  }

  /** An invoker for a guest function, or `undefined` for a builtin of that name, which the guest did not define. Frees `fn`. */
  bind(fn: Handle, name: string): Handle | undefined {
    const key = this.#string(name);
    const invoker = this.#invoke(this.#entry("bind"), fn, key);
    for (const handle of [fn, key]) this.release(handle);
    return this.functionOrNone(invoker);
  }

  /** A function that a namespace or the global object holds, or `undefined`. */
  find(holder: Handle, name: string): Handle | undefined {
    const key = this.#string(name);
    const found = this.#invoke(this.#entry("find"), holder, key);
    this.release(key);
    return this.functionOrNone(found);
  }

  /** The handle, if it is one of a function; otherwise it is freed. */
  functionOrNone(handle: Handle): Handle | undefined {
    const type = this.#exports.QTS_Typeof(this.#context, handle);
    const name = this.memory.text(type);
    this.#exports.free(type);
    if (name === "function") return handle;
    this.release(handle);
    return undefined;
  }

  /** Names of the functions that a namespace or the global object holds. */
  functionNames(holder: Handle): string {
    return JSON.parse(this.#textOf(this.#invoke(this.#entry("names"), holder))) as string;
  }

  globalObject(): Handle {
    return this.#exports.QTS_GetGlobalObject(this.#context);
  }

  /** Calls an invoker and runs what that leaves to run. Returns the outcome, a mark or JSON text, for `result`. */
  begin(invoker: Handle, payload: string): string {
    const first = this.callWithText(invoker, payload);
    this.drain();
    return first === MARK.pending ? this.#take() : first;
  }

  /** Runs what has become possible to run. Returns the outcome of the promise that `begin` met. */
  goOn(): string {
    this.drain();
    return this.#take();
  }

  /** What the promise of the last invoker came to. */
  #take(): string {
    return this.#textOf(this.#invoke(this.#entry("take")));
  }

  /** The result of an exported function, from what its invoker or `take` returned. */
  result(outcome: string): string {
    // Where memory ends, QuickJS may lose a reaction without a word.
    if (outcome === MARK.pending && this.memory.exhausted) throw outOfMemory();
    return readOutcome(outcome, { thrown: (details) => this.thrown(details), tooDeep: isTooDeep, vm: "QuickJS" });
  }

  /** Runs promise reactions until none is left. */
  drain(): void {
    const exports = this.#exports;
    const { runtime } = this.state;
    while (exports.QTS_IsJobPending(runtime) === 1 && !this.interrupted()) {
      const last = exports.QTS_ExecutePendingJob(runtime, JOBS, this.memory.argv);
      exports.QTS_FreeValuePointerRuntime(runtime, last);
    }
  }

  /** Frees garbage in circles when memory has become scarce. To be called between calls of the guest. */
  collectIfCrowded(): void {
    if (!this.memory.crowded) return;
    const exports = this.#exports;
    try {
      const result = exports.QTS_Call(this.#context, this.#entry("collect"), this.#undefined, 0, this.memory.argv);
      // Out of memory, at the most: then there is nothing to be gained.
      const error = exports.QTS_ResolveException(this.#context, result);
      for (const handle of [result, error]) if (handle !== 0) this.release(handle);
      this.memory.setWatermark();
    } catch {
      this.memory.dead = true;
    }
  }

  /** What a promise came to, once the jobs have run, in place of the promise; any other value as it is. `undefined` when it is still pending. */
  settled(value: Handle): Handle | undefined {
    const state = this.#exports.QTS_PromiseState(this.#context, value);
    if (state === PENDING) return undefined;
    if (state < 0) return value;
    const result = this.#exports.QTS_PromiseResult(this.#context, value);
    this.release(value);
    if (state !== REJECTED) return result;
    throw this.#describe(result);
  }

  /** The error for what the guest threw. QuickJS throws `null` when it has no room for an error. */
  thrown(details: GuestErrorDetails): ExtensionError {
    const isNull = details.name === "thrown value" && details.message === "null";
    return this.memory.exhausted && (isNull || isOutOfMemory(details)) ? outOfMemory() : guestError(details);
  }

  release(handle: Handle): void {
    this.#exports.QTS_FreeValuePointer(this.#context, handle);
  }

  /** Releases handles whenever it may be, also when the memory is lost. */
  releaseAll(handles: Iterable<Handle>): void {
    if (this.memory.dead) return;
    try {
      for (const handle of handles) this.release(handle);
    } catch {
      this.memory.dead = true;
    }
  }

  /** Frees all that it allocated. Handles of others must have been released before. */
  free(): void {
    this.memory.detach(this.state.runtime, this.#context);
    if (this.memory.dead) return;
    try {
      for (const entry of this.state.entries) this.release(entry);
      this.#exports.QTS_FreeContext(this.#context);
      this.#exports.QTS_FreeRuntime(this.state.runtime);
    } catch {
      this.memory.dead = true;
    }
  }

  interrupted(): boolean {
    return this.#stop.look();
  }

  checkTime(now: number): void {
    if (!this.#stop.isOverdue(now)) return;
    // What its code was about to do is left as it is.
    this.memory.dead = true;
    throw STOPPED;
  }

  called(fn: number, argv: number): Handle {
    return this.requests.handle(fn, argv);
  }

  resolveModule(base: string, name: string): string {
    return this.#options.resolveModule(base, name);
  }

  moduleSource(path: string): string | undefined {
    const source = this.#options.moduleSource(path);
    if (source === undefined) this.#throwInGuest(cannotImport(path));
    return source;
  }

  #throwInGuest(message: string): void {
    const exports = this.#exports;
    const error = exports.QTS_NewError(this.#context);
    const [key, value] = [this.#string("message"), this.#string(message)];
    exports.QTS_DefineProp(this.#context, error, key, value, this.#undefined, this.#undefined, 1, 0, 1);
    this.release(exports.QTS_Throw(this.#context, error));
    for (const handle of [error, key, value]) this.release(handle);
  }

  #entry(name: keyof typeof ENTRY): Handle {
    return this.state.entries[ENTRY[name]]!;
  }

  #string(text: string): Handle {
    return this.#checked(this.#newText(text));
  }

  /** A string, or what stands for the exception of there being no room for it. */
  #newText(text: string): Handle {
    const handle = this.memory.withText(text, this.#newString) ?? 0;
    if (handle === 0) throw outOfMemory();
    return handle;
  }

  #invoke(fn: Handle, ...values: Handle[]): Handle {
    const argv = this.#exports.malloc(4 * values.length + 4);
    if (argv === 0) throw outOfMemory();
    for (const [index, value] of values.entries()) this.memory.setPointer(argv + 4 * index, value);
    const result = this.#exports.QTS_Call(this.#context, fn, this.#undefined, values.length, argv);
    this.#exports.free(argv);
    return this.#checked(result);
  }

  /** The handle, unless it stands for an exception: then that is thrown. */
  #checked(handle: Handle): Handle {
    if (handle === 0) throw outOfMemory();
    const error = this.#exports.QTS_ResolveException(this.#context, handle);
    if (error === 0) return handle;
    this.release(handle);
    throw this.#stop.stopped ? this.#released(error) : this.#describe(error);
  }

  #released(error: Handle): Error {
    this.release(error);
    return STOPPED;
  }

  /** The error that a thrown value stands for. Frees it. */
  #describe(error: Handle): ExtensionError {
    const describe = this.state.entries[ENTRY.describe];
    if (describe === undefined) return outOfMemory();
    this.memory.setPointer(this.memory.argv, error);
    const result = this.#exports.QTS_Call(this.#context, describe, this.#undefined, 1, this.memory.argv);
    this.release(error);
    const failed = result === 0 ? 0 : this.#exports.QTS_ResolveException(this.#context, result);
    if (result !== 0 && failed === 0) return this.thrown(readDetails(this.#textOf(result)));
    for (const handle of [result, failed]) if (handle !== 0) this.release(handle);
    return outOfMemory();
  }

  /** The text of a string, or throws what the handle stands for. Frees it. */
  #textOf(handle: Handle): string {
    const exports = this.#exports;
    // An exception has no text either, so that a call which went well is not asked for one.
    const pointer = handle === 0 ? 0 : exports.QTS_GetString(this.#context, handle);
    if (pointer === 0) {
      this.release(this.#checked(handle));
      throw outOfMemory();
    }
    const { bounds } = this.#options;
    const text = this.memory.textUpTo(pointer, bounds.resultBytes + ROOM_FOR_ERROR * bounds.errorChars);
    exports.QTS_FreeCString(this.#context, pointer);
    exports.QTS_FreeValuePointer(this.#context, handle);
    if (typeof text === "number") throw resultTooLong(text, bounds);
    return text;
  }

  #failure(error: unknown, call: Call): unknown {
    const ours = error === STOPPED || ExtensionError.is(error);
    if (!ours) this.memory.dead = true;
    if (this.#stop.stopped) return this.#stopError(call);
    if (!ours) return this.memory.exhausted ? outOfMemory(error) : brokenMachine(error);
    // Of what happened while it was full nothing is certain, and it stays as large as it is.
    if (ExtensionError.is(error, "ERR_EXT_MEMORY")) this.memory.dead = true;
    return error;
  }

  #stopError(call: Call): unknown {
    this.#broken = true;
    return this.#stop.error(call);
  }
}
