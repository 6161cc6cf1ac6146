import { type Bounds, cut } from "../../contract/bounds.ts";
import type { Engine, Instance, Program } from "../../contract/engine.ts";
import { GuestLog, type LogSink } from "../../kit/guest-log.ts";
import type { Manifest } from "../../manifest/manifest.ts";
import type { CompileMessage } from "../wire/protocol.ts";
import { shown } from "../wire/shown.ts";
import { keyOf, limits } from "./call-limits.ts";
import { CallTiming } from "./call-timing.ts";
import type { HostQuestions } from "./host-calls.ts";
import { receivedExtension } from "./received-extension.ts";
import type { Reports } from "./reports.ts";

/** Characters of an engine's own fault in a line of output. */
const MOST_SHOWN = 4096;

export interface AgentProgram {
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
export interface Voice {
  closed: boolean;
  /** Key of the call whose guest holds this thread, or 0. */
  inside: number;
  /** Keys of its calls that are asynchronous. */
  readonly later: Set<number>;
}

export interface AgentInstance {
  readonly instance: Instance;
  readonly program: AgentProgram;
  /** Key of its asynchronous call, or 0. Calls that come meanwhile wait. */
  running: number;
  readonly waiting: (() => void)[];
}

export interface AgentProgramsSetup {
  readonly reports: Reports;
  readonly questions: HostQuestions;
  /** As {@link CompileContext.endsWithGuest}. */
  readonly endsWithGuest: boolean;
  /** Counts what is asynchronous until the promise, which must not reject, has settled. */
  track(promise: Promise<unknown>): void;
}

/** The programs and instances of a worker, from their making to their close. */
export class AgentPrograms {
  engine: Engine | undefined;
  readonly #setup: AgentProgramsSetup;
  readonly #programs = new Map<number, AgentProgram>();
  readonly #instances = new Map<number, AgentInstance>();
  /** Files that came for a program that is not compiled yet. */
  readonly #files = new Map<number, Uint8Array[]>();

  constructor(setup: AgentProgramsSetup) {
    this.#setup = setup;
  }

  instance(id: number): AgentInstance | undefined {
    return this.#instances.get(id);
  }

  file(program: number, bytes: Uint8Array): void {
    this.#files.set(program, [...(this.#files.get(program) ?? []), bytes]);
  }

  compile(key: number, target: number, message: CompileMessage): void {
    const { reports, track } = this.#setup;
    const bytes = this.#files.get(target) ?? [];
    this.#files.delete(target);
    if (!reports.begin(key)) return;
    const voice: Voice = { closed: false, inside: 0, later: new Set() };
    const say: LogSink = (level, text, call) => {
      if (!voice.closed) reports.log(target, level, text, call === undefined ? speaker(voice) : (keyOf(call) ?? 0));
    };
    const output = new GuestLog(say, message.bounds);
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
    reports.later(key);
    track(
      compiled.then(
        () => reports.done(key, "", 0),
        (error: unknown) => {
          this.#programs.delete(target);
          reports.failed(key, error, 0);
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
    const { endsWithGuest, questions } = this.#setup;
    const extension = receivedExtension(message, bytes);
    const { memoryBytes, maxInstances, deadlines, config, fresh, bounds } = message;
    const host = questions.hostCalls(target, voice, extension.manifest, bounds);
    return this.engine!.compile(extension, {
      memoryBytes,
      maxInstances,
      deadlines,
      config,
      fresh,
      bounds,
      host,
      endsWithGuest,
      log: output.write,
    });
  }

  instantiate(key: number, target: number, time: number, id: number): void {
    const { reports, track } = this.#setup;
    const program = this.#programs.get(target);
    if (program === undefined) {
      reports.failed(key, new Error(`there is no program ${target}`), 0);
      return;
    }
    track(
      program.compiled.then(
        (compiled) => this.#makeInstance(key, program, compiled, time, id),
        (error: unknown) => reports.failed(key, error, 0),
      ),
    );
  }

  async #makeInstance(key: number, program: AgentProgram, compiled: Program, time: number, id: number): Promise<void> {
    const { reports } = this.#setup;
    if (!reports.begin(key)) return;
    try {
      const made = compiled.instantiate(limits(time, undefined));
      if (made instanceof Promise) reports.later(key);
      this.#instances.set(id, { instance: await made, program, running: 0, waiting: [] });
      reports.done(key, "", 0);
    } catch (error) {
      reports.failed(key, error, 0);
    }
  }

  closeInstance(id: number): void {
    const held = this.#instances.get(id);
    this.#instances.delete(id);
    if (held !== undefined)
      this.#setup.track(this.#close(held.program.id, "an instance", async () => held.instance.close()));
  }

  /** Returns the program, where it was there. */
  closeProgram(id: number): AgentProgram | undefined {
    const program = this.#programs.get(id);
    this.#programs.delete(id);
    this.#files.delete(id);
    this.#setup.track(this.#endProgram(id, program));
    return program;
  }

  /** The host waits to be told, whether it was there or not. */
  async #endProgram(id: number, program: AgentProgram | undefined): Promise<void> {
    if (program !== undefined) {
      await this.#close(id, "the program", async () => (await program.compiled).close());
      program.voice.closed = true;
    }
    this.#setup.reports.closed(id);
  }

  async #close(program: number, what: string, close: () => Promise<void>): Promise<void> {
    await close().catch((error: unknown) =>
      this.#setup.reports.log(program, "error", `${what} failed to close: ${cut(shown(error), MOST_SHOWN)}`, 0),
    );
  }
}

/** Key of the call that a line is of where its engine does not know: of the guest that holds the thread, or of the only call that there is. 0 where there are more. */
function speaker({ inside, later }: Voice): number {
  if (inside !== 0 || later.size !== 1) return inside;
  const [only = 0] = later;
  return only;
}
