import { once } from "node:events";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { FLOORS } from "../paths.ts";
import { NoSuchGuest, type Opened, type OpenOptions } from "../subjects/subject.ts";

/** One worker thread, and the three ways to talk to it by hand. */

interface Promised {
  resolve(result: string): void;
  reject(error: Error): void;
}

interface Answer {
  readonly id: number;
  readonly result?: string;
  readonly error?: string;
}

/** A message a call. */
export async function threadPostMessage(options: OpenOptions): Promise<Opened> {
  const worker = await start("message", options);
  const waiting = new Map<number, Promised>();
  let last = 0;
  worker.on("message", (answer: Answer) => settle(waiting, answer));
  const call = (_: string, payload: string) =>
    new Promise<string>((resolve, reject) => {
      waiting.set(++last, { resolve, reject });
      worker.postMessage({ id: last, payload });
    });
  return { call, close: () => stop(worker) };
}

function settle(waiting: Map<number, Promised>, { id, result, error }: Answer): void {
  const call = waiting.get(id)!;
  waiting.delete(id);
  if (result === undefined) call.reject(new Error(error));
  else call.resolve(result);
}

/**
 * The same, with all the calls that gathered in a turn of the event loop in one message; answers likewise. Each has its number, as
 * guests that wait for something answer in any order, and its own failure.
 */
export async function threadBatched(options: OpenOptions): Promise<Opened> {
  const worker = await start("batch", options);
  const waiting = new Map<number, Promised>();
  let last = 0;
  let gathered: { id: number; payload: string }[] = [];
  worker.on("message", (answers: Answer[]) => {
    for (const answer of answers) settle(waiting, answer);
  });
  const send = () => {
    worker.postMessage(gathered);
    gathered = [];
  };
  const call = (_: string, payload: string) =>
    new Promise<string>((resolve, reject) => {
      waiting.set(++last, { resolve, reject });
      if (gathered.push({ id: last, payload }) === 1) process.nextTick(send);
    });
  return { call, close: () => stop(worker) };
}

/** Places of the control words in the shared memory; the worker has the same. */
const TURN = 0;
const LENGTH = 1;
const TEXT_AT = 16;
const SHARED_BYTES = 16 << 20;

/** Shared memory: the caller sleeps until the worker has answered. */
export async function threadAtomics(options: OpenOptions): Promise<Opened> {
  const shared = new SharedArrayBuffer(SHARED_BYTES);
  const worker = await start("atomics", options, shared);
  const control = new Int32Array(shared, 0, 4);
  const text = Buffer.from(shared, TEXT_AT);
  function callSync(_: string, payload: string): string {
    control[LENGTH] = text.write(payload);
    Atomics.store(control, TURN, 1);
    Atomics.notify(control, TURN);
    Atomics.wait(control, TURN, 1);
    return text.toString("utf8", 0, control[LENGTH]);
  }
  return { callSync, close: () => stop(worker) };
}

async function start(way: string, { guest }: OpenOptions, shared?: SharedArrayBuffer): Promise<Worker> {
  if (guest !== "validate") throw new NoSuchGuest("the worker has the shared fixture alone");
  const worker = new Worker(join(FLOORS, "worker.mjs"), { workerData: { way, shared } });
  await once(worker, "message");
  return worker;
}

async function stop(worker: Worker): Promise<void> {
  await worker.terminate();
}
