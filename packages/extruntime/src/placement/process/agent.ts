import { readSync, writeSync } from "node:fs";
import { type ConnectOpts, Socket, type SocketConstructorOpts } from "node:net";
import { Worker } from "node:worker_threads";
import { CALL_STATES_BYTES, CallStates } from "../wire/call-states.ts";
import { roomFor } from "../wire/frame.ts";
import { type Body, HEADER_BYTES, KIND } from "../wire/protocol.ts";
import { FrameBatch, FrameStream } from "../wire/stream.ts";
import { Agent } from "../worker/agent.ts";
import type { AgentLink } from "../worker/agent-link.ts";
import { AgentLoop } from "../worker/agent-loop.ts";
import { giveWayAsProcess } from "../worker/priority.ts";
import { FD } from "./descriptors.ts";
import { JOURNAL_BYTES, JournalWriter, MOST_NOTED } from "./journal.ts";
import { mapFile } from "./mapped-file.ts";

/** What a child process runs. */

const READ_BYTES = 1 << 16;
/** Milliseconds between looks at a pipe, where the event loop cannot tell. */
const PAUSE_MS = 0.2;
/** In the place of a call's key. */
const NO_CALL = 0;

class ProcessAgent implements AgentLink {
  readonly states: CallStates;
  readonly ownProcess = true;
  readonly #agent: Agent;
  readonly #loop: AgentLoop;
  readonly #stream: FrameStream;
  readonly #piece = Buffer.allocUnsafeSlow(READ_BYTES);
  readonly #batch: FrameBatch;
  readonly #journal: JournalWriter;

  constructor(firstBatch: number, mappedFileAddon: string | undefined) {
    const journal = mappedFileAddon === undefined ? undefined : mapFile(mappedFileAddon, FD.journal, JOURNAL_BYTES);
    this.#batch = new FrameBatch(journal);
    this.#journal = new JournalWriter(firstBatch, journal === undefined ? FD.journal : undefined);
    const states = new SharedArrayBuffer(CALL_STATES_BYTES);
    this.states = new CallStates(states);
    // With an environment of its own, for guests could else change what it sees.
    new Worker(new URL("./watchdog.js", import.meta.url), {
      workerData: states,
      name: "watchdog",
      env: {},
    }).unref();
    // After the watchdog, which must not wait for guests.
    giveWayAsProcess();
    this.#agent = new Agent(this);
    this.#loop = new AgentLoop(this.#agent, () => this.#serve());
    this.#stream = new FrameStream(this.#agent);
    const options: SocketConstructorOpts & ConnectOpts = {
      fd: FD.in,
      readable: true,
      writable: false,
      onread: {
        buffer: Buffer.allocUnsafeSlow(READ_BYTES),
        callback: (bytes, buffer) => {
          this.#take(buffer.subarray(0, bytes));
          this.#serve();
          return true;
        },
      },
    };
    const socket = new Socket(options);
    socket.resume();
  }

  send(kind: number, flags: number, number: number, key: number, target: number, time: number, body: Body): void {
    // The longest line fits into the journal, where it is alone.
    if (kind === KIND.log && !this.#batch.hasRoomAtHome(roomFor(body) + HEADER_BYTES)) this.flush();
    this.#batch.add(kind, flags, number, key, target, time, body);
    // A line is noted first.
    if (kind !== KIND.log && (this.#batch.length > MOST_NOTED || !this.#batch.atHome)) this.flush();
  }

  /** Blocks where the host does not read: a process that is not listened to has nothing better to do. */
  flush(): void {
    if (this.#batch.empty) return;
    const frames = this.#batch.take(false);
    for (let sent = 0; sent < frames.byteLength; ) sent += writeSome(frames, sent);
    this.#journal.sent(frames.byteLength, this.#batch);
  }

  flushSoon(): void {
    this.#loop.flushSoon();
  }

  /** What comes meanwhile is read between two slices of calls. */
  #serve(): void {
    this.#agent.endOfBatch();
    if (this.#agent.busy) this.#loop.serveSoon();
  }

  /** Reads past the event loop, which has the same socket and finds there what comes later. */
  receive(): void {
    let read = 0;
    try {
      read = readSync(FD.in, this.#piece);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    }
    // At its end the host is gone, and the watchdog ends this process.
    if (read === 0) pause();
    else this.#take(this.#piece.subarray(0, read));
  }

  /** Where the host's frames are none there is nothing to go on with. */
  #take(piece: Uint8Array): void {
    const fault = this.#stream.push(piece);
    if (fault !== undefined) throw new Error(fault);
  }

  begins(key: number): void {
    this.#journal.note(key, this.#batch);
  }

  noteLines(): void {
    this.#journal.note(NO_CALL, this.#batch);
    if (this.#batch.length > MOST_NOTED) this.flush();
  }
}

function writeSome(frames: Buffer, from: number): number {
  try {
    return writeSync(FD.out, frames, from, frames.byteLength - from);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    pause();
    return 0;
  }
}

const NEVER = new Int32Array(new SharedArrayBuffer(4));

/** A pipe cannot be waited for without the event loop. */
function pause(): void {
  Atomics.wait(NEVER, 0, 0, PAUSE_MS);
}

new ProcessAgent(Number(process.argv[2]), process.argv[3]);
