import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { closeSync, existsSync } from "node:fs";
import type { Socket } from "node:net";
import { constants, endianness } from "node:os";
import { fileURLToPath } from "node:url";
import { ExtensionError } from "../../errors.ts";
import { OwnFiles } from "../../kit/own-files.ts";
import { WorkerFolder } from "../host/worker-folder.ts";
import type { ProcessOptions } from "../options.ts";
import { SLOTS } from "../wire/call-states.ts";
import { type Death, type Link, type LinkEvents, sentWrong } from "../wire/link.ts";
import type { ProcessorUse } from "../wire/processor-use.ts";
import { type Body, type FrameSink, HEADER_BYTES, KIND, type StartMessage } from "../wire/protocol.ts";
import { FrameBatch, FrameStream, MOST_FROM_WORKER } from "../wire/stream.ts";
import { delegatedCgroup, endCgroup, makeCgroup } from "./cgroup.ts";
import { boundsOf, dataLimit, heldLimit, limitsOfAll, type ProcessBounds, processCommand } from "./command.ts";
import { FD } from "./descriptors.ts";
import { GuestOutput } from "./guest-output.ts";
import { isInMemory, JournalReader, openJournal } from "./journal.ts";
import { hostLocale, localeArguments, localePaths } from "./locale.ts";
import { mappedFileAddon } from "./mapped-file.ts";
import { isCrash } from "./memory-probe.ts";
import { filesOfModules, filesOfNode, type Shown, shownPath } from "./sandbox-files.ts";
import { supervisorProgram } from "./supervisor.ts";
import { SupervisorReport } from "./supervisor-report.ts";

const files = new OwnFiles(import.meta.url);
const AGENT = files.path("./agent.js");

/** @throws ExtensionError `ERR_EXT_UNSUPPORTED` where the file that a process starts with is not there. */
export function checkProcessAgent(): void {
  files.required("./agent.js");
}

/** Bytes that may wait for a child to read them, before the rest is kept back here. */
const MOST_UNREAD = 1 << 20;
/** Longest piece that is given to its pipe at once: a longer one would only be heard of when all of it is read. */
const PIECE_BYTES = 1 << 18;
/** Milliseconds in which the watchdog must answer, which does nothing else: past it the process is stopped, or beyond help. */
const SILENT_MS = 5000;
/** Milliseconds after its end for what it wrote to come through, where a process that it started may hold its pipes. */
const PIPES_MS = 200;
/** The same where a supervisor has ended those. */
const SUPERVISED_PIPES_MS = 5000;
/** Milliseconds for a supervisor to end its processes, before it is ended itself. */
const SUPERVISOR_MS = 10_000;

/** Milliseconds after the end of a pipe for the process's own end to be seen, before what is left of it is ended. */
const CLOSED_MS = 1000;
/** Longest answer of the watchdog, which says a word for each call. */
const MOST_ANSWERED = HEADER_BYTES + SLOTS * 4 + 8;
/** Pipes whose end is looked for. */
const PIPES = [FD.in, FD.out, FD.watchdog];
const LITTLE_ENDIAN = endianness() === "LE";
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
  /** Questions to the watchdog that it has not answered. */
  readonly #questions = new Map<number, Question>();
  #asked = 0;
  /** Bytes of frames that have come. */
  #received = 0;
  /** Bytes of frames that were to be sent. */
  #given = 0;
  /** Of answers to host calls that it has not read, at the most. */
  #answerBytes = 0;
  readonly #fromWorker: FrameStream;
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
    const firstBatch = randomInt(2 ** 31);
    const { child, folder, journal, cgroup } = begin(start, options, bounds, firstBatch);
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

  #ask(keys: readonly number[], answer: Question["answer"]): void {
    const question = ++this.#asked;
    const timer = setTimeout(() => this.#whenRead(() => this.#unanswered(question)), SILENT_MS).unref();
    this.#questions.set(question, { keys: keys.length, answer, timer });
    this.#tellWatchdog(KIND.withdraw, question, new Uint8Array(Int32Array.from(keys).buffer));
  }

  /** This thread may have come to the answer late: it is not the process that was silent then. */
  #unanswered(question: number): void {
    if (this.#questions.has(question) && this.#closed.size === 0) this.kill("did not answer");
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

  /** A guest may write there, too. */
  readonly #onAnswer = (
    kind: number,
    _flags: number,
    _number: number,
    question: number,
    _target: number,
    _time: number,
    body: Body,
  ): void => {
    if (this.#ended) return;
    const asked = this.#questions.get(question);
    const said = kind === KIND.withdrawn ? readAnswer(body, asked?.keys) : undefined;
    if (asked === undefined || said === undefined) {
      this.giveUp(sentWrong(`a frame of kind ${kind} for question ${question}`));
      return;
    }
    clearTimeout(asked.timer);
    this.#questions.delete(question);
    asked.answer(said.withdrawn, said.use);
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
    for (const { timer } of this.#questions.values()) clearTimeout(timer);
    this.#questions.clear();
  }

  /** V8 and the C++ library say so before they give up by a signal; other code crashes. */
  #outOfMemory(signal: NodeJS.Signals | null): boolean {
    return this.#report.explains(signal) || (isCrash(signal) && LAST_WORDS.test(this.#stderr.text));
  }
}

/** What a guest prints and then exits by itself says nothing: so whole lines, and only of a process that a signal ended. */
const LAST_WORDS =
  /^(?:FATAL ERROR: .*\bout of memory|# Fatal (?:process out of memory|JavaScript OOM)|terminate called after throwing an instance of 'std::bad_alloc')/im;

interface Answer {
  readonly withdrawn: readonly boolean[];
  readonly use: ProcessorUse;
}

interface Question {
  /** How many keys it names. */
  readonly keys: number;
  readonly answer: (withdrawn: readonly boolean[], use: ProcessorUse) => void;
  readonly timer: NodeJS.Timeout;
}

/** `undefined` where it does not say yes or no to each of so many keys, and what the thread had of the processors. */
function readAnswer(body: Body, keys: number | undefined): Answer | undefined {
  if (keys === undefined || typeof body === "string" || body.byteLength !== (keys + 2) * 4) return undefined;
  const words = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const said = Array.from({ length: keys }, (_, index) => words.getInt32(index * 4, LITTLE_ENDIAN));
  if (said.some((word) => word !== 0 && word !== 1)) return undefined;
  const [ranMs, waitedMs] = [words.getInt32(keys * 4, LITTLE_ENDIAN), words.getInt32(keys * 4 + 4, LITTLE_ENDIAN)];
  return { withdrawn: said.map((word) => word === 1), use: { ranMs, waitedMs: waitedMs < 0 ? undefined : waitedMs } };
}

/** Bubblewrap tells of a signal by an exit code above 128. */
function signalOf(code: number | null): NodeJS.Signals | null {
  const name = Object.entries(constants.signals).find(([, number]) => number === (code ?? 0) - 128)?.[0];
  return (name as NodeJS.Signals | undefined) ?? null;
}

/** Ends a child and all that comes from it. A supervisor does so when it is told; else it is the child's group, which a guest's process can leave. */
function endProcess(child: ChildProcess): void {
  if (supervisorProgram() === undefined) {
    child.kill("SIGKILL");
    endGroup(child);
    return;
  }
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), SUPERVISOR_MS).unref();
  child.once("exit", () => clearTimeout(timer));
}

/** The child leads a group of its own. */
function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined || process.platform === "win32") return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nobody is left in it.
  }
}

/** @throws ExtensionError `ERR_EXT_CRASHED` where the system has no room, descriptor or process left for one; nothing is left behind then. */
function begin(start: StartMessage, options: ProcessOptions, bounds: ProcessBounds, firstBatch: number) {
  let folder: WorkerFolder | undefined;
  let journal: number | undefined;
  let cgroup: string | undefined;
  try {
    folder = new WorkerFolder();
    journal = openJournal();
    const parent = supervisorProgram() === undefined ? undefined : (options.cgroup ?? delegatedCgroup());
    cgroup = parent === undefined ? undefined : makeCgroup(parent, limitsOfAll(bounds));
    const places = { folder: folder.path, journal, cgroup };
    return { child: spawnChild(start, options, bounds, firstBatch, places), folder, journal, cgroup };
  } catch (cause) {
    if (journal !== undefined) closeSync(journal);
    if (cgroup !== undefined) endCgroup(cgroup);
    void folder?.remove();
    throw new ExtensionError("ERR_EXT_CRASHED", `its process could not be started: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function spawnChild(
  start: StartMessage,
  options: ProcessOptions,
  bounds: ProcessBounds,
  firstBatch: number,
  { folder, journal, cgroup }: { folder: string; journal: number; cgroup: string | undefined },
): ChildProcess {
  const { memoryBytes } = bounds;
  const sandboxed = bounds.sandbox !== undefined;
  const addon = isInMemory(journal) ? mappedFileAddon() : undefined;
  const addons = addon === undefined ? [] : [addon];
  // V8 then gives up by itself, and says so, before the operating system has to refuse.
  const heap = memoryBytes === undefined ? [] : [`--max-old-space-size=${Math.ceil(memoryBytes / 2 ** 20)}`];
  const env = { TMPDIR: sandboxed ? "/tmp" : folder, ...hostLocale(), ...options.env };
  const node = { file: process.execPath, args: [...localeArguments(), ...heap, AGENT, String(firstBatch), ...addons] };
  const { file, args } = processCommand(node, bounds, sandboxed ? shownTo(start, addons, env) : [], cgroup);
  const supervisor = supervisorProgram() === undefined ? [] : ["pipe" as const];
  return spawn(file, args, {
    stdio: ["ignore", "pipe", "pipe", "pipe", "pipe", "pipe", journal, ...supervisor],
    env,
    // Away from the terminal's group: an interrupt there is the host's to answer.
    detached: true,
  });
}

function shownTo(start: StartMessage, addons: readonly string[], env: Readonly<Record<string, string>>): Shown[] {
  const modules = filesOfModules(AGENT, fileURLToPath(start.engine.module));
  const files = [...addons, ...localePaths(env).filter((path) => existsSync(path))];
  return [...filesOfNode(), ...modules, ...files.flatMap(shownPath)];
}
