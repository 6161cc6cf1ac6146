import type { ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import type { Socket } from "node:net";
import type { ExtensionError } from "../../errors.ts";
import type { ProcessOptions } from "../options.ts";
import { SLOTS } from "../wire/call-states.ts";
import { type Death, type Link, type LinkEvents, sentWrong } from "../wire/link.ts";
import type { ProcessorUse } from "../wire/processor-use.ts";
import { type Body, type FrameSink, HEADER_BYTES, KIND, type StartMessage } from "../wire/protocol.ts";
import { FrameBatch, FrameStream, MOST_FROM_WORKER } from "../wire/stream.ts";
import { endCgroup } from "./cgroup.ts";
import { endGroup, endProcess, shownInSandbox, signalOf, startChild } from "./child.ts";
import { boundsOf, dataLimit, heldLimit, type ProcessBounds } from "./command.ts";
import { FD } from "./descriptors.ts";
import { GuestOutput } from "./guest-output.ts";
import { withHiddenPath } from "./hidden-path.ts";
import { JournalReader } from "./journal.ts";
import { isCrash } from "./memory-probe.ts";
import type { Shown } from "./sandbox-files.ts";
import { isStopped } from "./stopped.ts";
import { supervisorProgram } from "./supervisor.ts";
import { SupervisorReport } from "./supervisor-report.ts";
import { WatchdogQuestions } from "./watchdog-questions.ts";

/** Bytes that may wait for a child to read them, before the rest is kept back here. */
const MOST_UNREAD = 1 << 20;
/** Longest piece that is given to its pipe at once: a longer one would only be heard of when all of it is read. */
const PIECE_BYTES = 1 << 18;
/** Milliseconds after its end for what it wrote to come through, where a process that it started may hold its pipes. */
const PIPES_MS = 200;
/**
 * The same where a supervisor has ended those: then the pipes end by themselves, and this is for one that somebody else holds, such as a process that changed its user.
 * Nothing that was written is lost by either time, since what has come is read first (`#whenRead`), however late this thread gets to it.
 */
const SUPERVISED_PIPES_MS = 5000;

/** Milliseconds after the end of a pipe for the process's own end to be seen, before what is left of it is ended. */
const CLOSED_MS = 1000;
/** Longest answer of the watchdog, which says a word for each call. */
const MOST_ANSWERED = HEADER_BYTES + SLOTS * 4 + 12;
/** Pipes whose end is looked for. */
const PIPES = [FD.in, FD.out, FD.watchdog];
/** Bytes of answers to its host calls that a process may leave unread when another one comes: two of the longest that hosts give by default. */
const MOST_UNREAD_ANSWERS = 128 << 20;

/** The way to a child process. */
export class ProcessLink implements Link {
  readonly gone: Promise<void>;
  readonly #events: LinkEvents;
  readonly #child: ChildProcess;
  readonly #journal: JournalReader;
  readonly #stderr: GuestOutput;
  readonly #report: SupervisorReport;
  readonly #out = new FrameBatch();
  readonly #toWatchdog = new FrameBatch();
  readonly #questions = new WatchdogQuestions((question) => this.#whenRead(() => this.#unanswered(question)));
  /** Bytes of frames that have come. */
  #received = 0;
  /** Bytes of frames that were to be sent. */
  #given = 0;
  /** Of answers to host calls that it has not read, at the most. */
  #answerBytes = 0;
  readonly #fromWorker: FrameStream;
  /** Of a sandbox: what it shows beside the system's folders. */
  readonly #shown: (() => readonly Shown[]) | undefined;
  #flushing = false;
  #killed: string | undefined;
  /** Pipes from the process that have ended. */
  readonly #closed = new Set<number>();
  /** It was ended since a pipe had. */
  #shut = false;
  /** `ended` is being told, and reads what is left. */
  #ending = false;
  #ended = false;

  constructor(start: StartMessage, options: ProcessOptions, memoryBytes: number | undefined, events: LinkEvents) {
    this.#events = events;
    const bounds = boundsOf(options, memoryBytes);
    const { sandbox } = bounds;
    this.#shown = sandbox === undefined ? undefined : () => shownInSandbox(start, sandbox.readable);
    const firstBatch = randomInt(2 ** 31);
    const { child, folder, journal, cgroup } = startChild(start, options, bounds, firstBatch);
    this.#journal = new JournalReader(firstBatch, journal);
    this.#child = child;
    this.#stderr = new GuestOutput(child.stderr!, process.stderr);
    new GuestOutput(child.stdout!, process.stdout);
    this.#report = this.#readReport(bounds);
    this.#fromWorker = this.#read(FD.out, this, MOST_FROM_WORKER);
    this.#read(FD.watchdog, { frame: this.#onAnswer }, MOST_ANSWERED);
    // Nothing comes that way: a guest may write there, or close it.
    const wrong = (kind: number) => this.giveUp(sentWrong(`a frame of kind ${kind} by the wrong way`));
    this.#read(FD.in, { frame: wrong }, MOST_ANSWERED);
    this.#pipe(FD.in).on("drain", () => this.flushSoon());
    this.gone = this.#watch(bounds.sandbox !== undefined).then(async () => {
      this.#journal.close();
      if (cgroup !== undefined) endCgroup(cgroup);
      await folder.remove();
    });
    this.send(KIND.start, 0, 0, 0, 0, 0, JSON.stringify(start));
    this.flushSoon();
  }

  send(kind: number, flags: number, number: number, key: number, target: number, time: number, body: Body): void {
    if (this.#ended) return;
    if (kind === KIND.hostAnswer) this.#countAnswer(body);
    const before = this.#out.length;
    this.#out.add(kind, flags, number, key, target, time, body);
    this.#given += this.#out.length - before;
  }

  explain(error: ExtensionError): ExtensionError {
    return this.#shown === undefined ? error : withHiddenPath(error, this.#shown());
  }

  get given(): number {
    return this.#given;
  }

  /** The pipe's own memory, of a few hundred kilobytes, counts as the child's. */
  get taken(): number {
    return this.#given - this.#out.length - this.#pipe(FD.in).writableLength;
  }

  /** A guest may ask without end and read none of the answers. */
  #countAnswer(body: Body): void {
    if (this.#answerBytes > MOST_UNREAD_ANSWERS)
      this.giveUp(`left more than ${MOST_UNREAD_ANSWERS} bytes of answers to its host calls unread`);
    this.#answerBytes += HEADER_BYTES + body.length;
  }

  allow(mostBytes: number): void {
    this.#fromWorker.allow(mostBytes);
  }

  flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    process.nextTick(this.#flush);
  }

  /** Sends what was gathered. What the child does not read stays here. */
  flush(): void {
    const pipe = this.#pipe(FD.in);
    if (this.#ended) return;
    if (pipe.writableLength === 0) this.#answerBytes = Math.min(this.#answerBytes, this.#out.length);
    while (!this.#out.empty && pipe.writableLength < MOST_UNREAD) pipe.write(this.#out.takePiece(PIECE_BYTES));
  }

  withdraw(keys: readonly number[], answer: (withdrawn: readonly boolean[]) => void): void {
    // A call that is still here comes after the answer, and is passed over then.
    this.flush();
    this.#ask(keys, answer);
  }

  use(answer: (use: ProcessorUse) => void): void {
    this.#ask([], (_, use) => answer(use));
  }

  #ask(keys: readonly number[], answer: (withdrawn: readonly boolean[], use: ProcessorUse) => void): void {
    const question = this.#questions.add(keys.length, answer);
    this.#tellWatchdog(KIND.withdraw, question, new Uint8Array(Int32Array.from(keys).buffer));
  }

  /** This thread may have come to the answer late: it is not the process that was silent then. Nor is it one that has not had a processor. */
  #unanswered(question: number): void {
    if (!this.#questions.has(question) || this.#closed.size > 0) return;
    if (isStopped(this.#child.pid!) !== false || !this.#questions.waitOn(question)) this.kill("did not answer");
  }

  abort(key: number): void {
    this.#tellWatchdog(KIND.abort, key, "");
    this.send(KIND.abort, 0, 0, key, 0, 0, "");
    this.flushSoon();
  }

  takeUnstarted(keys: readonly number[]): boolean[] {
    const began = new Set<number>();
    const { frame } = this.#events;
    const fault = this.#journal.read({ began: (key) => began.add(key), frame: frame.bind(this.#events) });
    return keys.map((key) => fault === undefined && !began.has(key));
  }

  poll(): void {
    if (this.#ended) return;
    this.#report.look();
    this.#journal.readOn(this.#unsent, this.#received);
  }

  kill(how: string): void {
    if (this.#killed !== undefined) return;
    this.#killed = how;
    endProcess(this.#child);
  }

  giveUp(how: string): void {
    this.#end({ how, memory: false, fault: true });
    endProcess(this.#child);
  }

  hold(held: boolean): void {
    const pipes = this.#child.stdio.filter((pipe) => pipe !== null) as Socket[];
    for (const each of [this.#child, ...pipes]) {
      if (held) each.ref();
      else each.unref();
    }
  }

  frame(kind: number, flags: number, number: number, key: number, target: number, time: number, body: Body): void {
    if (!this.#ended) this.#events.frame(kind, flags, number, key, target, time, body);
  }

  /** Of frames in the journal, which come a second time when they are sent. */
  readonly #unsent = {
    began: (key: number) => this.#events.began(key),
    frame: (kind: number, flags: number, number: number, key: number, target: number, time: number, body: Body) =>
      this.#events.early(kind, flags, number, key, target, time, body),
  };

  readonly #flush = (): void => {
    this.#flushing = false;
    this.flush();
  };

  #tellWatchdog(kind: number, key: number, body: Body): void {
    if (this.#ended) return;
    this.#toWatchdog.add(kind, 0, 0, key, 0, 0, body);
    this.#pipe(FD.watchdog).write(this.#toWatchdog.take(true));
  }

  readonly #onAnswer = (
    kind: number,
    _flags: number,
    _number: number,
    question: number,
    _target: number,
    _time: number,
    body: Body,
  ): void => {
    if (!this.#ended && !this.#questions.take(kind, question, body))
      this.giveUp(sentWrong(`a frame of kind ${kind} for question ${question}`));
  };

  #read(fd: number, sink: FrameSink, mostBytes: number): FrameStream {
    const stream = new FrameStream(sink, mostBytes);
    const pipe = this.#pipe(fd);
    pipe.on("error", () => {});
    pipe.on("data", (piece: Uint8Array) => {
      if (fd === FD.out) this.#received += piece.byteLength;
      const fault = this.#ended ? undefined : stream.push(piece);
      if (fault !== undefined) this.giveUp(sentWrong(fault));
    });
    pipe.on("end", () => {
      this.#closed.add(fd);
      setTimeout(() => this.#shutDown(), CLOSED_MS).unref();
    });
    return stream;
  }

  /**
   * Of a process that ends the pipes end first, and where processors are rare its own end is seen much later; one that lives may have closed a pipe. No clock tells
   * them apart, so both are ended, and lose what they had begun: what was not is handed back, as at any end.
   */
  #shutDown(): void {
    if (!this.#running || this.#shut) return;
    this.#shut = true;
    endProcess(this.#child);
  }

  get #running(): boolean {
    return (
      !this.#ended && this.#killed === undefined && this.#child.exitCode === null && this.#child.signalCode === null
    );
  }

  #readReport({ memoryBytes, tasks }: ProcessBounds): SupervisorReport {
    const [data, held] = memoryBytes === undefined ? [] : [dataLimit(memoryBytes), heldLimit(memoryBytes)];
    const report = new SupervisorReport(data, held, tasks);
    if (supervisorProgram() === undefined) return report;
    const pipe = this.#pipe(FD.supervisor);
    pipe.on("error", () => {});
    pipe.setEncoding("latin1").on("data", (text: string) => report.push(text));
    return report;
  }

  #pipe(fd: number): Socket {
    return this.#child.stdio[fd] as Socket;
  }

  /** Resolves when it is over with the child and its pipes. */
  #watch(sandboxed: boolean): Promise<void> {
    return new Promise((resolve) => {
      const end = (how: string, signal: NodeJS.Signals | null = null) => {
        this.#end(this.#death(how, signal));
        for (const pipe of this.#child.stdio) pipe?.destroy();
        resolve();
      };
      this.#child.on(
        "error",
        (error) => this.#child.pid === undefined && end(`could not be started: ${error.message}`),
      );
      this.#child.on("exit", (code, exitSignal) => {
        const signal = exitSignal ?? (sandboxed ? signalOf(code) : null);
        const how = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
        endGroup(this.#child);
        const finish = () => end(how, signal);
        const pipesMs = supervisorProgram() === undefined ? PIPES_MS : SUPERVISED_PIPES_MS;
        const timer = setTimeout(() => this.#whenRead(finish), pipesMs);
        this.#child.once("close", () => {
          clearTimeout(timer);
          finish();
        });
      });
    });
  }

  /** Once a whole turn of the event loop has brought nothing more: this thread may not have come to it before. */
  #whenRead(then: () => void): void {
    const received = this.#received;
    setImmediate(() => setImmediate(() => (received === this.#received ? then() : this.#whenRead(then))));
  }

  /** The host's reason for it goes before the supervisor's, and that before what was seen of the child. */
  #death(how: string, signal: NodeJS.Signals | null): Death {
    if (this.#killed !== undefined) return { how: this.#killed, memory: false };
    // All pipes end with a process that somebody else has ended.
    if (this.#shut && signal === "SIGKILL" && this.#closed.size < PIPES.length) how = "closed a pipe to the host";
    return this.#report.ended ?? { how: how + this.#stderr.quoted, memory: this.#outOfMemory(signal) };
  }

  #end(death: Death): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#events.ended(death);
    this.#ended = true;
    this.#questions.close();
  }

  /** V8 and the C++ library say so before they give up by a signal; other code crashes. */
  #outOfMemory(signal: NodeJS.Signals | null): boolean {
    return this.#report.explains(signal) || (isCrash(signal) && LAST_WORDS.test(this.#stderr.text));
  }
}

/** What a guest prints and then exits by itself says nothing: so whole lines, and only of a process that a signal ended. */
const LAST_WORDS =
  /^(?:FATAL ERROR: .*\bout of memory|# Fatal (?:process out of memory|JavaScript OOM)|terminate called after throwing an instance of 'std::bad_alloc')/im;
