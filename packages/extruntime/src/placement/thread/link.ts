import {
  MessageChannel,
  type MessagePort,
  type ResourceLimits,
  receiveMessageOnPort,
  Worker,
} from "node:worker_threads";
import { OwnFiles } from "../../kit/own-files.ts";
import { WorkerFolder } from "../host/worker-folder.ts";
import { type Death, type Link, type LinkEvents, sentWrong } from "../wire/link.ts";
import { hasEnded, type ProcessorUse, useOf } from "../wire/processor-use.ts";
import { type Body, FLAG, KIND, type StartMessage } from "../wire/protocol.ts";
import { MOST_IN_RING } from "../wire/ring.ts";
import { shown } from "../wire/shown.ts";
import { END, type ThreadData, type ThreadMemory, threadMemory, threadMemoryBytes } from "./memory.ts";

const files = new OwnFiles(import.meta.url);
const AGENT = files.path("./agent.js");

/** @throws ExtensionError `ERR_EXT_UNSUPPORTED` where the file that a thread starts with is not there. */
export function checkThreadAgent(): void {
  files.required("./agent.js");
}

/** Milliseconds after which the host turns to its event loop even if frames keep coming. */
const LONGEST_MS = 4;
/** Milliseconds between looks at a thread for which a caller blocks this one: it may have ended. */
const LOOK_MS = 100;

type Frame = [kind: number, flags: number, number: number, key: number, target: number, time: number, body: Body];

/** The way to a worker thread: frames in shared memory, and a port that is only a bell. */
export class ThreadLink implements Link {
  readonly gone: Promise<void>;
  readonly #events: LinkEvents;
  readonly #worker: Worker;
  readonly #bell: MessagePort;
  readonly #aside: MessagePort;
  readonly #memory: ThreadMemory;
  /** Frames that the ring had no room for. */
  readonly #waiting: Frame[] = [];
  /** Bodies that went aside and that the thread has not come to, and where the ring's head was after their frames, once they were written. */
  readonly #unread: { readonly bytes: number; at: number | undefined }[] = [];
  /** Of those the last so many have frames that are not written yet. */
  #unplaced = 0;
  /** Keys of calls with such bodies, until they have begun. */
  #notBegun: number[] = [];
  /** It has a memory limit of its own. */
  readonly #limited: boolean;
  #given = 0;
  #taken = 0;
  #ringing = false;
  /** `ended` is being told, and reads what is left. */
  #ending = false;
  #ended = false;

  constructor(start: StartMessage, resourceLimits: ResourceLimits | undefined, events: LinkEvents) {
    const folder = new WorkerFolder();
    const memory = new SharedArrayBuffer(threadMemoryBytes());
    const bell = new MessageChannel();
    const aside = new MessageChannel();
    const workerData: ThreadData = { memory, bell: bell.port2, aside: aside.port2 };
    this.#events = events;
    this.#limited = resourceLimits !== undefined;
    this.#memory = threadMemory(memory);
    this.#bell = bell.port1;
    this.#aside = aside.port1;
    this.#worker = new Worker(AGENT, {
      workerData,
      transferList: [bell.port2, aside.port2],
      name: "extruntime",
      env: { ...process.env, TMPDIR: folder.path },
      ...(resourceLimits === undefined ? {} : { resourceLimits }),
    });
    this.#worker.unref();
    this.#worker.on("error", (error) => this.#end(deathBy(error)));
    this.gone = new Promise((resolve) => {
      this.#worker.on("exit", (code) => {
        this.#end({ how: endedWith(code), memory: false });
        resolve(folder.remove());
      });
    });
    this.#listen();
    this.send(KIND.start, 0, 0, 0, 0, 0, JSON.stringify(start));
    this.flushSoon();
  }

  send(kind: number, flags: number, number: number, key: number, target: number, time: number, body: Body): void {
    if (this.#ended) return;
    if (body.length > MOST_IN_RING) {
      this.#aside.postMessage(body);
      this.#given += body.length;
      this.#unread.push({ bytes: body.length, at: undefined });
      this.#unplaced++;
      if (kind === KIND.call) this.#notBegun.push(key);
      flags |= FLAG.aside;
      body = "";
    }
    if (this.#waiting.length > 0 || !this.#write(kind, flags, number, key, target, time, body))
      this.#waiting.push([kind, flags, number, key, target, time, body]);
  }

  /** Of bodies that go aside alone: the others are short. */
  get given(): number {
    return this.#given;
  }

  get taken(): number {
    this.#passUnread();
    return this.#taken;
  }

  flushSoon(): void {
    if (this.#ringing) return;
    this.#ringing = true;
    process.nextTick(this.#ring);
  }

  flush(): void {
    this.#ring();
  }

  withdraw(keys: readonly number[], answer: (withdrawn: readonly boolean[]) => void): void {
    answer(this.takeUnstarted(keys));
  }

  use(answer: (use: ProcessorUse) => void): void {
    answer(useOf(Atomics.load(this.#memory.thread, 0)));
  }

  abort(key: number): void {
    this.#memory.states.abort(key);
    this.send(KIND.abort, 0, 0, key, 0, 0, "");
    this.flushSoon();
  }

  /** What has not started is withdrawn, for the thread may still be running. */
  takeUnstarted(keys: readonly number[]): boolean[] {
    return keys.map((key) => this.#memory.states.withdraw(key));
  }

  poll(): void {
    const { toHost, toWorker } = this.#memory;
    toHost.read(this.#events, this.#takeAside);
    const fault = toHost.fault ?? toWorker.fault;
    if (fault !== undefined) this.giveUp(sentWrong(fault));
    if (this.#notBegun.length > 0) this.#tellBegun();
    if (this.#waiting.length === 0) return;
    let sent = 0;
    while (sent < this.#waiting.length && this.#write(...this.#waiting[sent]!)) sent++;
    this.#waiting.splice(0, sent);
    if (sent > 0) this.#ring();
  }

  kill(how: string): void {
    this.#end({ how, memory: false });
    // A thread in native code ends when that code returns; nobody waits for it but `gone`.
    void this.#worker.terminate();
  }

  giveUp(how: string): void {
    this.#end({ how, memory: false, fault: true });
    void this.#worker.terminate();
  }

  hold(held: boolean): void {
    if (held) this.#bell.ref();
    else this.#bell.unref();
  }

  waitFor(done: () => boolean, deadline: number): void {
    this.#ring();
    for (;;) {
      this.poll();
      if (done() || this.#ended) return;
      const left = deadline - performance.now();
      if (left <= 0) return;
      const came = this.#memory.toHost.waitForFrames(Math.min(left, LOOK_MS));
      this.#noticeEnd(came);
    }
  }

  /** Its `exit` event cannot come while this thread is blocked. */
  #noticeEnd(came: boolean): void {
    const { thread } = this.#memory;
    const end = Atomics.load(thread, END);
    if (end > 0) this.#end({ how: endedWith(end - 1), memory: false });
    // One that runs out of memory says nothing.
    else if (!came && hasEnded(Atomics.load(thread, 0))) this.#end({ how: NO_REASON, memory: this.#limited });
  }

  #end(death: Death): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#events.ended(death);
    this.#ended = true;
    this.#waiting.length = 0;
    // Else the memory would be kept for who waits.
    this.#memory.toHost.wake();
    this.#bell.close();
    this.#aside.close();
  }

  #write(kind: number, flags: number, number: number, key: number, target: number, time: number, body: Body): boolean {
    // Before the ring comes round: afterwards it could not be told.
    if (this.#unread.length > 0) this.#passUnread();
    const { toWorker } = this.#memory;
    if (!toWorker.write(kind, flags, number, key, target, time, body)) return false;
    if ((flags & FLAG.aside) !== 0) this.#unread[this.#unread.length - this.#unplaced--]!.at = toWorker.head;
    return true;
  }

  #passUnread(): void {
    const { toWorker } = this.#memory;
    for (let [first] = this.#unread; first?.at !== undefined && toWorker.hasReadTo(first.at); [first] = this.#unread) {
      this.#taken += first.bytes;
      this.#unread.shift();
    }
  }

  #tellBegun(): void {
    const { states } = this.#memory;
    this.#notBegun = this.#notBegun.filter((key) => {
      const waits = states.waits(key);
      if (!waits) this.#events.began(key);
      return waits;
    });
  }

  readonly #ring = (): void => {
    this.#ringing = false;
    if (!this.#ended && this.#memory.toWorker.wake()) this.#bell.postMessage(0);
  };

  readonly #listen = (): void => {
    const { toHost } = this.#memory;
    const until = performance.now() + LONGEST_MS;
    while (!this.#ended) {
      this.poll();
      if (this.#ended) return;
      if (toHost.sleep()) {
        void toHost.woken().then(this.#listen);
        return;
      }
      // A thread that never rests, as one that writes line after line, is not the only thing that the host has to do.
      if (performance.now() < until) continue;
      setImmediate(this.#listen);
      return;
    }
  };

  /** Whatever the thread put there. */
  readonly #takeAside = (): Body | undefined => {
    try {
      const body: unknown = receiveMessageOnPort(this.#aside)?.message;
      return typeof body === "string" || body instanceof Uint8Array ? body : undefined;
    } catch {
      return undefined;
    }
  };
}

const NO_REASON = "ended without a word while its caller blocked the host: most likely it ran out of memory";

function endedWith(code: number): string {
  return `ended by itself with exit code ${code}`;
}

function deathBy(error: unknown): Death {
  if ((error as NodeJS.ErrnoException | null)?.code === "ERR_WORKER_OUT_OF_MEMORY")
    return { how: "ran out of the memory that its resource limits allow", memory: true, cause: error };
  return { how: `ended with an error that nobody caught: ${shown(error)}`, memory: false, cause: error };
}
