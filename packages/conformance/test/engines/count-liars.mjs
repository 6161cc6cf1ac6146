// Engines that lie about what they count and number, made from the honest toy engine.
import { createRuntime } from "extruntime/engine";
import { placedToy } from "./host-liars.mjs";
import { ofModule, ofRuntime } from "./lying.mjs";

const stats = (change) =>
  ofModule((module) => ({
    stats: () => {
      const told = module.stats();
      return { ...told, ...change(told) };
    },
  }));
const NONE = { count: 0, p50: 0, p99: 0, max: 0 };

/** About each load's logger or host functions, past what the core looks after. */
const loading = (change) =>
  ofRuntime((runtime) => ({ load: (source, options) => runtime.load(source, change(options)) }));

const without = (options, name) => {
  const { [name]: _, ...limits } = options?.limits ?? {};
  return { ...options, limits };
};

const lies = {
  none: createRuntime,
  "durations that are not taken": stats(() => ({ durations: NONE })),
  "durations in seconds": stats(({ durations: { count, p50, p99, max } }) => ({
    durations: { count, p50: p50 / 1000, p99: p99 / 1000, max: max / 1000 },
  })),
  "durations of one call in two": stats(({ durations }) => ({
    durations: { ...durations, count: Math.floor(durations.count / 2) },
  })),
  "bytes that are not counted": stats(() => ({ payloadBytes: 0, resultBytes: 0 })),
  "bytes of payloads in the place of those of results": stats(({ payloadBytes }) => ({ resultBytes: payloadBytes })),
  "refused calls that are not counted": stats(() => ({ refused: 0 })),
  "refused calls that are counted twice": stats(({ refused }) => ({ refused: 2 * refused })),
  "busy instances that are not counted": stats(() => ({ busy: 0 })),
  "crashes that are not counted": stats(() => ({ crashes: 0 })),
  "limits of payloads that are not kept": loading((options) => without(options, "payloadBytes")),
  "limits of results that are not kept": loading((options) => without(options, "resultBytes")),
  "limits of values that are not kept": loading((options) => without(options, "jsonValues")),
  "limits of errors that are not kept": loading((options) => without(options, "errorChars")),
  "limits of lines that are not kept": loading((options) => without(options, "lineChars")),
  "limits of host calls that are not kept": loading((options) => without(options, "hostCallBytes")),
  "lines that come once where they are the same": loading((options) => {
    const info = options?.logger?.info;
    if (info === undefined) return options;
    let last;
    const once = (message, fields) => {
      if (message !== last) info.call(options.logger, message, fields);
      last = message;
    };
    return { ...options, logger: { ...options.logger, info: once } };
  }),
  "another number of the call for each call of the host": loading((options) => {
    let number = 1 << 20;
    const renumbered = ([name, fn]) => [
      name,
      (value, context) => fn(value, Object.freeze({ ...context, callId: number++ })),
    ];
    const functions = Object.entries(options?.hostFunctions ?? {}).map(renumbered);
    return functions.length === 0 ? options : { ...options, hostFunctions: Object.fromEntries(functions) };
  }),
};

export const countLiar = ({ lie, ...options }) =>
  lies[lie](placedToy({ slices: options.placement === "inline" }), options);
