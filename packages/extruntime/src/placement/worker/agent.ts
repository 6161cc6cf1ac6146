import { type Bounds, cut, excessBytes, resultTooLong } from "../../contract/bounds.ts";
import { type Call, type Engine, type Instance, NOT_STARTED, type Program } from "../../contract/engine.ts";
import { extensionClosed } from "../../contract/host-functions.ts";
import type { LogLevel } from "../../contract/runtime.ts";
import { ExtensionError } from "../../errors.ts";
import { GuestLog } from "../../kit/guest-log.ts";
import type { Manifest } from "../../manifest/manifest.ts";
import type { CallStates } from "../wire/call-states.ts";
import { errorToJson } from "../wire/error.ts";
import {
  type Body,
  type CompileMessage,
  FLAG,
  type FrameSink,
  KIND,
  LOG_LEVELS,
  NO_DEADLINE,
  nextLine,
  PROTOCOL_VERSION,
  type StartMessage,
} from "../wire/protocol.ts";
import { shown } from "../wire/shown.ts";
import { abortSignal } from "./abort-signal.ts";
import { asMemoryError, brokenFlag, fire, limits } from "./call-limits.ts";
import { CallTiming } from "./call-timing.ts";
import { CallTurns } from "./call-turns.ts";
import { type Ask, RemoteHostCalls } from "./host-calls.ts";
import { receivedExtension } from "./received-extension.ts";

/** Characters of an engine's own fault in a line of output. */
const MOST_SHOWN = 4096;

/** How an agent answers. */
export interface AgentLink {
  readonly states: CallStates;
  /** The process is there for this thread, and can be ended while a guest holds it. */
  readonly ownProcess: boolean;
  send(kind: number, flags: number, number: number, key: number, target: number, time: number, body: Body): void;
  /** Makes sure that the host learns what was sent, before a call that may take long. */
  flush(): void;
  /** The same, at the end of what this thread is doing. */
  flushSoon(): void;
  /** Blocks until frames have come, and hands them over. */
  receive(): void;
  /** The call begins: noted where the host finds it should this process die. */
  begins(key: number): void;
  /** The same for lines of output that were sent. */
  noteLines(): void;
}

interface AgentProgram {
  readonly id: number;
  readonly exports: readonly string[];
  readonly compiled: Promise<Program>;
  /** As in {@link CompileMessage}. */
  readonly limited: boolean;
  /** Its guests may call host functions. */
  readonly hosted: boolean;
  readonly bounds: Bounds;
  /** Bounds what guests say before it is sent. */
  readonly output: GuestLog;
  readonly voice: Voice;
  readonly timing: CallTiming;
}

/** What a program has to say goes to the host until it is closed. */
interface Voice {
  closed: boolean;
}

interface AgentInstance {
  readonly instance: Instance;
  readonly program: AgentProgram;
  /** Call that goes on by itself, or 0. Calls that come meanwhile wait. */
  running: number;
  readonly waiting: (() => void)[];
}

/** A call that waits for its turn on this thread. */
interface WaitingCall {
  readonly held: AgentInstance;
  readonly flags: number;
  readonly number: number;
  readonly key: number;
  readonly time: number;
  /** On the clock of `performance.now()`: its `time`, where it has a deadline, counts from here. */
  readonly came: number;
  readonly payload: string;
}

/** Milliseconds of calls after which what has come meanwhile is looked at: a module that waits less long than others is then found. */
const SLICE_MS = 1;
/** Turns of a program whose calls are short, and that nobody waits behind, after which the clock is looked at. */
const MOST_UNMEASURED = 8;

type Frame = [kind: number, flags: number, number: number, key: number, target: number, time: number, body: Body];

/**
 * The worker's side of a placement: holds the engine, its programs and instances, and runs the calls that come as frames.
 * It is the same in a thread and in a process.
 */
export class Agent implements FrameSink {
  /** Calls, loads and instantiations that go on by themselves. */
  pending = 0;
  readonly #link: AgentLink;
  #engine: Engine | undefined;
  readonly #programs = new Map<number, AgentProgram>();
  readonly #instances = new Map<number, AgentInstance>();
  /** Files that came for a program that is not compiled yet. */
  readonly #files = new Map<number, Uint8Array[]>();
  /** What to tell a call that goes on by itself when it is aborted. */
  readonly #aborts = new Map<number, () => void>();
  /** Calls of host functions that are not answered, by number. */
  readonly #asked = new Map<number, (answer: string) => void>();
  #asks = 0;
  /** Number of the last line of output. */
  #line = 0;
  /** Guests that hold this thread until the host has answered, each called by the one before. */
  #blocked = 0;
  /** What came meanwhile. */
  readonly #deferred: Frame[] = [];
  /** Calls that wait for their turn, of all programs. */
  readonly #turns = new CallTurns<AgentProgram, WaitingCall>();
  /** Answers and the like that the host was not told of. */
  #unsent = 0;

  constructor(link: AgentLink) {
    this.#link = link;
  }

  frame(kind: number, flags: number, number: number, key: number, target: number, time: number, body: Body): void {
    if (kind === KIND.hostAnswer) {
      this.#answered(key, body as string);
    } else if (this.#blocked > 0) {
      this.#deferred.push([kind, flags, number, key, target, time, body]);
    } else {
      this.#handleDeferred();
      this.#handle(kind, flags, number, key, target, time, body);
    }
  }

  /** Calls wait for their turn. */
  get busy(): boolean {
    return this.#turns.length > 0;
  }

  /** To be called when the frames that had come are handled, and again, after more of them, while it is `busy`. */
  endOfBatch(): void {
    this.#handleDeferred();
    this.#takeTurns();
    this.#flush();
  }

  /** To be called at the end of what this thread is doing beside that. It may be `busy` then. */
  endOfTurn(): void {
    this.#handleDeferred();
    this.#flush();
  }

  #takeTurns(): void {
    if (this.#turns.length === 0 || this.#blocked > 0) return;
    let since = performance.now();
    const until = since + SLICE_MS;
    /** Turns of one program since the clock was looked at, which costs more than some of them. */
    let unmeasured = 0;
    let party: AgentProgram | undefined;
    const measure = () => {
      const now = performance.now();
      this.#turns.charge(party!, now - since);
      since = now;
      unmeasured = 0;
    };
    while (since < until) {
      const call = this.#turns.next();
      if (call === undefined) break;
      const { program } = call.held;
      if (unmeasured > 0 && program !== party) measure();
      party = program;
      this.#take(call);
      this.#handleDeferred();
      unmeasured++;
      if (unmeasured === MOST_UNMEASURED || this.#turns.contended || !program.timing.quick) measure();
    }
    if (unmeasured > 0) measure();
  }

  #take({ held, flags, number, key, time, came, payload }: WaitingCall): void {
    const left = time === NO_DEADLINE ? time : Math.max(0, time - (performance.now() - came));
    if (held.running !== 0) held.waiting.push(() => this.#run(held, flags, number, key, left, payload));
    else this.#run(held, flags, number, key, left, payload);
    if ((flags & FLAG.prompt) !== 0) this.#flush();
  }

  #handle(kind: number, flags: number, number: number, key: number, target: number, time: number, body: Body): void {
    if (kind === KIND.call) this.#call(flags, number, key, target, time, body as string);
    else if (kind === KIND.instantiate) this.#instantiate(key, target, time, Number(body));
    else if (kind === KIND.abort) this.#aborts.get(key)?.();
    else if (kind === KIND.compile) this.#compile(key, target, JSON.parse(body as string));
    else if (kind === KIND.file) this.#files.set(target, [...(this.#files.get(target) ?? []), body as Uint8Array]);
    else if (kind === KIND.closeInstance) this.#closeInstance(target);
    else if (kind === KIND.closeProgram) this.#closeProgram(target);
    else if (kind === KIND.start) this.#start(JSON.parse(body as string));
  }

  #handleDeferred(): void {
    while (this.#blocked === 0 && this.#deferred.length > 0) this.#handle(...this.#deferred.shift()!);
  }

  #flush(): void {
    if (this.#unsent === 0) return;
    this.#unsent = 0;
    this.#link.flush();
  }

  #start(message: StartMessage): void {
    const started = this.#makeEngine(message).then(
      (engine) => {
        this.#engine = engine;
        this.#send(KIND.ready, 0, 0, 0, "");
      },
      (error: unknown) => this.#send(KIND.failed, 0, 0, 0, errorToJson(error)),
    );
    this.#goOn(started);
  }

  async #makeEngine({ version, engine, path }: StartMessage): Promise<Engine> {
    const { module, export: name, options } = engine;
    if (version !== PROTOCOL_VERSION)
      throw new ExtensionError(
        "ERR_EXT_UNSUPPORTED",
        `the host speaks version ${version} of the placement protocol, and its worker ${PROTOCOL_VERSION}: another copy of extruntime lies where the host's own was; reinstall`,
      );
    const namespace = (await import(module)) as Record<string, unknown>;
    const make = namespace[name];
    if (typeof make !== "function")
      throw new ExtensionError("ERR_EXT_UNSUPPORTED", `${module} has no function ${name} that makes the engine`);
    return withPath(path, () => make(options) as Engine);
  }

  #compile(key: number, target: number, message: CompileMessage): void {
    const bytes = this.#files.get(target) ?? [];
    this.#files.delete(target);
    if (!this.#begin(key)) return;
    const voice = { closed: false };
    const output = new GuestLog((level, text) => voice.closed || this.#log(target, level, text), message.bounds);
    const compiled = this.#compileProgram(target, voice, message, bytes, output);
    const { exports, permissions } = message.manifest as Manifest;
    const program: AgentProgram = {
      id: target,
      exports,
      compiled,
      limited: message.limited,
      hosted: permissions.length > 0,
      bounds: message.bounds,
      output,
      voice,
      timing: new CallTiming(),
    };
    this.#programs.set(target, program);
    this.#later(key);
    this.#goOn(
      compiled.then(
        () => this.#done(key, "", 0),
        (error: unknown) => {
          this.#programs.delete(target);
          this.#failed(key, error, 0);
        },
      ),
    );
  }

  async #compileProgram(
    target: number,
    voice: Voice,
    message: CompileMessage,
    bytes: readonly Uint8Array[],
    output: GuestLog,
  ): Promise<Program> {
    const extension = receivedExtension(message, bytes);
    const { memoryBytes, maxInstances, bounds } = message;
    const host = this.#hostCalls(target, voice, extension.manifest, bounds);
    const endsWithGuest = this.#link.ownProcess;
    return this.#engine!.compile(extension, {
      memoryBytes,
      maxInstances,
      bounds,
      host,
      endsWithGuest,
      log: output.write,
    });
  }

  #hostCalls(program: number, voice: Voice, { permissions }: Manifest, bounds: Bounds): RemoteHostCalls | undefined {
    if (permissions.length === 0) return undefined;
    const ask: Ask = (index, payload, now, answer) => {
      if (voice.closed) {
        answer(extensionClosed());
        return;
      }
      this.#asks = nextLine(this.#asks);
      const key = this.#asks;
      this.#asked.set(key, answer);
      this.#link.send(KIND.hostCall, now ? FLAG.sync : 0, index, key, program, 0, payload);
      this.#unsent++;
      if (!now) this.#link.flushSoon();
    };
    return new RemoteHostCalls(permissions, bounds, ask, () => this.#receive());
  }

  /** Blocks until more has come from the host. Only answers to host calls are handled: a guest is on this thread's stack. */
  #receive(): void {
    this.#flush();
    this.#blocked++;
    try {
      this.#link.receive();
    } finally {
      this.#blocked--;
    }
  }

  #answered(key: number, answer: string): void {
    const asked = this.#asked.get(key);
    this.#asked.delete(key);
    asked?.(answer);
  }

  #instantiate(key: number, target: number, time: number, id: number): void {
    const program = this.#programs.get(target);
    if (program === undefined) {
      this.#failed(key, new Error(`there is no program ${target}`), 0);
      return;
    }
    this.#goOn(
      program.compiled.then(
        (compiled) => this.#makeInstance(key, program, compiled, time, id),
        (error: unknown) => this.#failed(key, error, 0),
      ),
    );
  }

  async #makeInstance(key: number, program: AgentProgram, compiled: Program, time: number, id: number): Promise<void> {
    if (!this.#begin(key)) return;
    try {
      const made = compiled.instantiate(limits(time, undefined));
      if (made instanceof Promise) this.#later(key);
      this.#instances.set(id, { instance: await made, program, running: 0, waiting: [] });
      this.#done(key, "", 0);
    } catch (error) {
      this.#failed(key, error, 0);
    }
  }

  #call(flags: number, number: number, key: number, target: number, time: number, payload: string): void {
    const held = this.#instances.get(target);
    if (held === undefined) {
      this.#failed(key, new Error(`there is no instance ${target}`), FLAG.broken);
      return;
    }
    const call: WaitingCall = {
      held,
      flags,
      number,
      key,
      time,
      came: time === NO_DEADLINE ? 0 : performance.now(),
      payload,
    };
    // Its caller waits with the host's thread: nobody is served before.
    if ((flags & FLAG.sync) !== 0) this.#take(call);
    else this.#turns.add(held.program, call);
  }

  #run(held: AgentInstance, flags: number, number: number, key: number, time: number, payload: string): void {
    const { instance, program } = held;
    if (this.#unsent > 0 && program.timing.slow) this.#flush();
    // The call before it may have been its last.
    if (instance.broken === true) {
      this.#skip(key, FLAG.broken);
      return;
    }
    if (!this.#begin(key)) return;
    program.output.renew(1 + this.#aborts.size);
    const fn = program.exports[number]!;
    const call = limits(time, (flags & FLAG.signal) === 0 ? undefined : abortSignal(this.#link.states, key));
    const here = instance.invokeHere !== undefined && this.#mayHoldThread(program, call);
    const begun = program.timing.begin(here);
    let result: string | Promise<string>;
    try {
      if ((flags & FLAG.sync) !== 0 && instance.invokeSync !== undefined)
        result = instance.invokeSync(fn, payload, call);
      else if (here) result = instance.invokeHere!(fn, payload, call);
      else result = instance.invoke(fn, payload, call);
    } catch (error) {
      this.#failed(key, this.#explain(error, program), brokenFlag(instance));
      return;
    }
    if (typeof result === "string") this.#answer(held, key, result, begun);
    else this.#follow(held, key, call, result, begun);
  }

  /**
   * Whether a call had better stay on this thread than go on by itself. Should it not stop when it is told to, the process is
   * ended: so never while another call goes on, which that would cost its answer.
   */
  #mayHoldThread({ timing, hosted }: AgentProgram, { signal }: Call): boolean {
    return this.#link.ownProcess && timing.brief && !hosted && signal === undefined && this.#aborts.size === 0;
  }

  /** The call goes on by itself; others may run meanwhile, on other instances. */
  #follow(held: AgentInstance, key: number, call: Call, result: Promise<string>, begun: number): void {
    const { instance, program } = held;
    held.running = key;
    this.#later(key);
    this.#aborts.set(key, () => {
      fire(call.signal);
      instance.abort?.(call);
    });
    const end = () => {
      this.#aborts.delete(key);
      held.running = 0;
      while (held.running === 0 && held.waiting.length > 0) held.waiting.shift()!();
    };
    this.#goOn(
      result.then(
        (text) => {
          this.#answer(held, key, text, begun);
          end();
        },
        (error: unknown) => {
          this.#failed(key, this.#explain(error, program), brokenFlag(instance));
          end();
        },
      ),
    );
  }

  /** Sends a guest's result. One that the host would refuse is not sent at all. */
  #answer({ instance, program }: AgentInstance, key: number, text: string, begun: number): void {
    const excess = excessBytes(text, program.bounds.resultBytes);
    if (excess === undefined) this.#done(key, text, brokenFlag(instance), program.timing.end(begun));
    else this.#failed(key, resultTooLong(excess, program.bounds), brokenFlag(instance));
  }

  #later(key: number): void {
    this.#link.states.goOn(key);
    this.#send(KIND.later, 0, key, 0, "");
  }

  #begin(key: number): boolean {
    const may = this.#link.states.start(key);
    if (may) this.#link.begins(key);
    else this.#skip(key, 0);
    return may;
  }

  #skip(key: number, flags: number): void {
    this.#send(KIND.skipped, flags, key, 0, "");
  }

  #closeInstance(id: number): void {
    const held = this.#instances.get(id);
    this.#instances.delete(id);
    if (held !== undefined) this.#goOn(this.#close(held.program.id, "an instance", async () => held.instance.close()));
  }

  #closeProgram(id: number): void {
    const program = this.#programs.get(id);
    this.#programs.delete(id);
    if (program !== undefined) this.#turns.forget(program);
    this.#files.delete(id);
    this.#goOn(this.#endProgram(id, program));
  }

  /** The host waits to be told, whether it was there or not. */
  async #endProgram(id: number, program: AgentProgram | undefined): Promise<void> {
    if (program !== undefined) {
      await this.#close(id, "the program", async () => (await program.compiled).close());
      program.voice.closed = true;
    }
    this.#link.send(KIND.closed, 0, 0, 0, id, 0, "");
    this.#unsent++;
  }

  async #close(program: number, what: string, close: () => Promise<void>): Promise<void> {
    await close().catch((error: unknown) =>
      this.#log(program, "error", `${what} failed to close: ${cut(shown(error), MOST_SHOWN)}`),
    );
  }

  #log(target: number, level: LogLevel, message: string): void {
    this.#line = nextLine(this.#line);
    this.#link.send(KIND.log, 0, Math.max(0, LOG_LEVELS.indexOf(level)), this.#line, target, 0, message);
    this.#link.noteLines();
    this.#unsent++;
    this.#link.flushSoon();
  }

  #done(key: number, text: string, flags: number, took = 0): void {
    this.#send(KIND.done, flags, key, took, text);
  }

  #failed(key: number, error: unknown, flags: number): void {
    if (error === NOT_STARTED) {
      this.#skip(key, flags);
      return;
    }
    const fault = ExtensionError.is(error) ? 0 : FLAG.broken;
    this.#send(KIND.failed, flags | fault, key, 0, errorToJson(error));
  }

  #explain(error: unknown, { limited }: AgentProgram): unknown {
    return limited ? asMemoryError(error, this.#engine!) : error;
  }

  #send(kind: number, flags: number, key: number, time: number, body: Body): void {
    this.#link.send(kind, flags, 0, key, 0, time, body);
    this.#unsent++;
  }

  /** The promise must not reject. What it answers when it ends is sent at the end of that turn. */
  #goOn(promise: Promise<unknown>): void {
    this.pending++;
    promise.finally(() => {
      this.pending--;
      this.#link.flushSoon();
    });
  }
}

/** A process has no `PATH`, or the one that it was granted. */
function withPath<T>(path: string | undefined, run: () => T): T {
  if (path === undefined || process.env.PATH !== undefined) return run();
  process.env.PATH = path;
  try {
    return run();
  } finally {
    delete process.env.PATH;
  }
}
