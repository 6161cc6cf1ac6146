// Engines that lie about deadlines and signals, made from the honest toy engine that gives the thread back between slices.
import { spawn } from "node:child_process";
import { Worker } from "node:worker_threads";
import { createRuntime, ExtensionError, UNLIMITED } from "extruntime/engine";
import { emptyingNeighbours, failingNeighbours, ofInstance, ofModule } from "./lying.mjs";
import { toyEngine } from "./toy-engine.mjs";

const ended = () => new ExtensionError("ERR_EXT_TIMEOUT", "it was stopped");

/** Answers its caller when it is aborted or its time is up, by itself; `after` is what goes on then. */
const answeredAlone = (after) =>
  ofInstance((instance) => {
    let stop = () => {};
    const lying = {
      broken: false,
      invoke(fn, payload, call) {
        const stopped = new Promise((_, reject) => {
          stop = () => {
            lying.broken = true;
            after();
            reject(ended());
          };
        });
        const inTime = call.deadline - performance.now();
        const timer = Number.isFinite(inTime) ? setTimeout(() => stop(), Math.ceil(inTime)) : undefined;
        return Promise.race([
          after.forwards
            ? instance.invoke(fn, payload, call).catch(() => stopped)
            : instance.invoke(fn, payload, UNLIMITED),
          stopped,
        ]).finally(() => clearTimeout(timer));
      },
      abort() {
        if (after.forwards) instance.abort();
        stop();
      },
    };
    return lying;
  });

const and = (after) => Object.assign(after, { forwards: true });

/** Calls of a module one after the other, before the core sees them. */
const queueing = (start) =>
  ofModule((module) => {
    let last = Promise.resolve();
    const invoke = (fn, payload, options = {}) => {
      const result = start({ module, fn, payload, options, turn: last });
      last = last.then(() => result).catch(() => {});
      return result;
    };
    return {
      invoke,
      call: async (fn, value, options) => JSON.parse(await invoke(fn, JSON.stringify(value ?? null), options)),
    };
  });

const lies = {
  none: createRuntime,
  "a timer that is left for each call with a limit": ofModule((module) => {
    const leaving = (call) => (fn, value, options) => {
      if (options?.timeoutMs !== undefined) setTimeout(() => {}, options.timeoutMs);
      return call(fn, value, options);
    };
    return {
      invoke: leaving((...args) => module.invoke(...args)),
      call: leaving((...args) => module.call(...args)),
    };
  }),
  "a guest that computes on": answeredAlone(() => {}),
  "a guest that computes on in a thread": answeredAlone(and(() => new Worker("for (;;);", { eval: true }).unref())),
  "a guest that computes on in a process": answeredAlone(
    and(() =>
      spawn(process.execPath, ["-e", "const p = process.ppid; while (process.ppid === p);"], {
        stdio: "ignore",
      }).unref(),
    ),
  ),
  "a signal that ends the wait and not the guest": ofInstance((instance) => {
    let stop = () => {};
    const lying = {
      broken: false,
      invoke(fn, payload, call) {
        if (Number.isFinite(call.deadline)) return instance.invoke(fn, payload, call);
        const stopped = new Promise((_, reject) => {
          stop = () => {
            lying.broken = true;
            reject(ended());
          };
        });
        return Promise.race([instance.invoke(fn, payload, UNLIMITED), stopped]);
      },
      abort: () => stop(),
    };
    return lying;
  }),
  "a signal that stops nothing": ofInstance((instance) => ({
    invoke: (fn, payload, call) => instance.invoke(fn, payload, call),
    abort() {},
  })),
  "a signal that is not heard in the queue": queueing(async ({ module, fn, payload, options, turn }) => {
    options.signal?.throwIfAborted();
    if (options.signal !== undefined) await turn;
    return module.invoke(fn, payload, options);
  }),
  "a deadline that is not heard in the queue": queueing(async ({ module, fn, payload, options, turn }) => {
    await turn;
    return module.invoke(fn, payload, options);
  }),
  "a deadline that begins again with the guest": queueing(({ module, fn, payload, options, turn }) => {
    if (options.timeoutMs === undefined) return module.invoke(fn, payload, options);
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(ended()), options.timeoutMs);
    });
    const started = turn.then(() => {
      clearTimeout(timer);
      return module.invoke(fn, payload, options);
    });
    return Promise.race([started, late]);
  }),
  "a module's limit of time that begins with the guest": ofModule((module, _, { limits } = {}) => {
    let last = Promise.resolve();
    const invoke = (fn, payload, options = {}) => {
      const own = options.timeoutMs ?? limits?.timeoutMs;
      const turn = last;
      const byModule = options.timeoutMs === undefined && own !== undefined;
      const result = byModule
        ? turn.then(() => module.invoke(fn, payload, { ...options, timeoutMs: own }))
        : module.invoke(fn, payload, options);
      last = result.catch(() => {});
      return result;
    };
    return { invoke };
  }),
  "a timeout that fails the calls of neighbours": failingNeighbours(({ code }) => code === "ERR_EXT_TIMEOUT"),
  "a timeout that fails all calls of its module": failingNeighbours(({ code }) => code === "ERR_EXT_TIMEOUT", {
    own: true,
  }),
  "a queue in which calls with a limit go first": ofModule((module) => {
    const waiting = [];
    let busy = false;
    const next = async () => {
      if (busy) return;
      busy = true;
      await undefined;
      while (waiting.length > 0) {
        const first = Math.max(
          0,
          waiting.findIndex(({ options }) => options.timeoutMs !== undefined),
        );
        const { fn, payload, options, resolve } = waiting.splice(first, 1)[0];
        const result = module.invoke(fn, payload, options);
        resolve(result);
        await result.catch(() => {});
      }
      busy = false;
    };
    const invoke = (fn, payload, options = {}) =>
      new Promise((resolve) => {
        waiting.push({ fn, payload, options, resolve });
        void next();
      });
    return {
      invoke,
      call: async (fn, value, options) => JSON.parse(await invoke(fn, JSON.stringify(value ?? null), options)),
    };
  }),
  "a timeout that costs neighbours their state": emptyingNeighbours(({ code }) => code === "ERR_EXT_TIMEOUT"),
  "a signal that fails the calls of neighbours": failingNeighbours(({ message }) => message === "the user went away"),
  "a signal that costs neighbours their state": emptyingNeighbours(({ message }) => message === "the user went away"),
  "a deadline that is up early": ofModule((module) => ({
    invoke: (fn, payload, options = {}) =>
      module.invoke(fn, payload, options.timeoutMs > 4 ? { ...options, timeoutMs: options.timeoutMs - 4 } : options),
  })),
};

export const timeLiar = ({ lie, ...options }) => lies[lie](toyEngine({ slices: true }), options);
