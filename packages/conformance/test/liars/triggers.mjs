// When a liar lies. An event is one thing that a user of a module can see: an answer, an error, a line of the log, a call of a host function, a close, a load.

/**
 * @typedef {object} Event
 * @property {string} [method] `invoke`, `call`, `invokeSync`: how the call was made that this belongs to
 * @property {string} [fn]
 * @property {number} n how many of its kind this module has had, this one included
 * @property {number} inRuntime the same for the runtime
 * @property {number} size of the payload or the answer, whichever is longer, in UTF-16 units
 * @property {number} overlapping calls of this module under way
 * @property {number} elsewhere calls of other modules under way
 * @property {object} module facts of the module: `index`, `fresh`, `failed`, `timedOut`, `exports`
 * @property {object} runtime facts of the runtime: `closed`, `failed`, `timedOut`, `open`
 * @property {object} options of the call
 */

/** Each takes an event, and says whether the lie is told. `slices`: only an engine that gives the thread back has it; `sync`: only one that does not. */
export const TRIGGERS = {
  always: { when: () => true },
  "the 1st time": { when: ({ n }) => n === 1 },
  "the 2nd time": { when: ({ n }) => n === 2 },
  "the 7th time": { when: ({ n }) => n === 7 },
  "the 20th time": { when: ({ n }) => n === 20 },
  "the 100th time": { when: ({ n }) => n === 100 },
  "every 10th time": { when: ({ n }) => n % 10 === 0 },
  "the 100th time in the runtime": { when: ({ inRuntime }) => inRuntime === 100 },
  "above 1 KiB": { when: ({ size }) => size > 1024 },
  "above 64 KiB": { when: ({ size }) => size > 65_536 },
  "above 1 MiB": { when: ({ size }) => size > 1 << 20 },
  "below 3 characters": { when: ({ size }) => size < 3 },
  "after an error": { when: ({ module }) => module.failed > 0 },
  "right after an error": { when: ({ module }) => module.lastFailed },
  "after an error in another module": { when: ({ module, runtime }) => runtime.failed > module.failed },
  "after a timeout": { when: ({ module }) => module.timedOut > 0, slices: true },
  "after a timeout in another module": { when: ({ module, runtime }) => runtime.timedOut > module.timedOut },
  "after a close": { when: ({ runtime }) => runtime.closed > 0 },
  "after a reload": { when: ({ module }) => module.reloaded },
  "in the 2nd module": { when: ({ module }) => module.index === 1 },
  "in the 5th module": { when: ({ module }) => module.index === 4 },
  "beside another module": { when: ({ runtime }) => runtime.open > 1 },
  "while its calls overlap": { when: ({ overlapping }) => overlapping > 1, slices: true },
  "while calls of two modules overlap": { when: ({ elsewhere }) => elsewhere > 0, slices: true },
  "past ten calls under way": { when: ({ overlapping }) => overlapping > 10, slices: true },
  "in invokeSync": { when: ({ method }) => method === "invokeSync", sync: true },
  "in invoke": { when: ({ method }) => method === "invoke" },
  "in call": { when: ({ method }) => method === "call" },
  "for a 2nd function": { when: ({ module, fn }) => module.exports.indexOf(fn) > 0 },
  "with a deadline": { when: ({ options }) => options?.timeoutMs !== undefined },
  "with a signal": { when: ({ options }) => options?.signal !== undefined, slices: true },
  "with a logger": { when: ({ module }) => module.logged },
  "without a logger": { when: ({ module }) => !module.logged },
  "with host functions": { when: ({ module }) => module.hosted },
  "with a pool of 1": { when: ({ module }) => module.pool === 1 },
  "loaded from memory": { when: ({ module }) => module.inMemory },
  "loaded lazily": { when: ({ module }) => module.lazy },
  "after a rest": { when: ({ rest }) => rest > 40 },
};
