// Hand-written worker threads, as good as a page of code makes them: what the thread placement is measured against.
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { validate } from "./guest.mjs";

const answer = (payload) => JSON.stringify(validate(JSON.parse(payload)));
const SIZE = 4096;

if (!isMainThread) {
  const { mode, shared } = workerData;
  const control = new Int32Array(shared);
  const bytes = Buffer.from(shared, 64);
  const run = mode === "echo" ? (payload) => payload : answer;
  if (mode === "atomics" || mode === "echo-atomics") {
    const each = mode === "atomics" ? answer : (payload) => payload;
    for (let seen = 0; ; ) {
      Atomics.wait(control, 0, seen);
      seen = Atomics.load(control, 0);
      control[2] = bytes.write(each(bytes.toString("utf8", 0, control[2])), 0);
      Atomics.store(control, 1, seen);
      Atomics.notify(control, 1);
    }
  } else if (mode === "batched") {
    parentPort.on("message", (calls) => {
      parentPort.postMessage(calls.map(({ id, payload }) => ({ id, result: answer(payload) })));
    });
  } else {
    parentPort.on("message", (payload) => parentPort.postMessage(run(payload)));
  }
}

function start(mode) {
  const shared = new SharedArrayBuffer(SIZE);
  const worker = new Worker(new URL(import.meta.url), { workerData: { mode, shared } });
  return { worker, control: new Int32Array(shared), bytes: Buffer.from(shared, 64), close: () => worker.terminate() };
}

/** One call at a time by `postMessage`. `mode` "echo" leaves the guest out. */
export function posted(mode = "posted") {
  const { worker, close } = start(mode);
  let settle;
  worker.on("message", (result) => settle(result));
  const call = (payload) =>
    new Promise((resolve) => {
      settle = resolve;
      worker.postMessage(payload);
    });
  return { call, close };
}

/** One call at a time through shared memory; the caller is blocked meanwhile. */
export function blocking(mode = "atomics") {
  const { control, bytes, close } = start(mode);
  const call = (payload) => {
    const seen = control[1];
    control[2] = bytes.write(payload, 0);
    Atomics.add(control, 0, 1);
    Atomics.notify(control, 0);
    Atomics.wait(control, 1, seen);
    return bytes.toString("utf8", 0, control[2]);
  };
  return { call, close };
}

/** Many calls at a time, over `threads` workers: what is asked in one turn of the event loop goes in one message. */
export function batched(threads) {
  const workers = Array.from({ length: threads }, () => start("batched"));
  const settles = new Map();
  const queues = workers.map(() => []);
  let id = 0;
  for (const { worker } of workers)
    worker.on("message", (results) => {
      for (const { id, result } of results) {
        settles.get(id)(result);
        settles.delete(id);
      }
    });
  const call = (payload) =>
    new Promise((resolve) => {
      settles.set(++id, resolve);
      const index = id % threads;
      const queue = queues[index];
      queue.push({ id, payload });
      if (queue.length > 1) return;
      process.nextTick(() => {
        workers[index].worker.postMessage(queue.splice(0));
      });
    });
  return { call, close: () => Promise.all(workers.map((worker) => worker.close())) };
}
