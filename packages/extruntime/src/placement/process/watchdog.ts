import { Socket } from "node:net";
import { workerData } from "node:worker_threads";
import { CallStates } from "../wire/call-states.ts";
import { READY, useOf } from "../wire/processor-use.ts";
import { type Body, type FrameSink, KIND } from "../wire/protocol.ts";
import { FrameBatch, FrameStream } from "../wire/stream.ts";
import { FD } from "./descriptors.ts";

/**
 * A thread of a child process that does no guest's work, so that it always answers: it keeps calls from starting, marks
 * those that are to stop, and ends the process when the host is gone.
 */
class Watchdog implements FrameSink {
  readonly #states = new CallStates(workerData as SharedArrayBuffer);
  readonly #socket = new Socket({ fd: FD.watchdog, readable: true, writable: true });
  readonly #answers = new FrameBatch();

  constructor() {
    const stream = new FrameStream(this);
    this.#socket.on("data", (piece) => {
      if (stream.push(piece) !== undefined) orphaned();
    });
    this.#socket.on("error", orphaned);
    this.#socket.on("close", orphaned);
  }

  frame(kind: number, _flags: number, _number: number, key: number, _target: number, _time: number, body: Body): void {
    if (kind === KIND.abort) this.#states.abort(key);
    if (kind !== KIND.withdraw) return;
    const bytes = body as Uint8Array;
    const keys = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
    const { ranMs, waitedMs = -1, ready } = useOf(process.pid);
    const withdrawn = keys.map((each) => (this.#states.withdraw(each) ? 1 : 0));
    const answer = Int32Array.of(...withdrawn, ranMs, waitedMs, READY.indexOf(ready));
    this.#answers.add(KIND.withdrawn, 0, 0, key, 0, 0, new Uint8Array(answer.buffer));
    this.#socket.write(this.#answers.take(true));
  }
}

/** The host has closed its end, or is dead. Where no supervisor does it, what is still in this process's group is ended too. */
function orphaned(): void {
  try {
    process.kill(-process.pid, "SIGKILL");
  } catch {
    // It leads none.
  }
  process.kill(process.pid, "SIGKILL");
}

new Watchdog();
