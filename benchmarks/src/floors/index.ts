import type { Opened, OpenOptions } from "../subjects/subject.ts";

type OpenFloor = (options: OpenOptions, argument?: string) => Promise<Opened>;

/** Floors that are called as engines are, by their names; imported when wanted, so that a cold start pays for its own alone. */
export const floors: Readonly<Record<string, OpenFloor>> = {
  "bare-js": async (options) => (await import("./bare.ts")).bareJavaScript(options),
  "wasm-by-hand": async (options, variant) => (await import("./webassembly.ts")).webAssemblyByHand(options, variant),
  "quickjs-dispatcher": async (options) => (await import("./quickjs.ts")).quickjsDispatcher(options),
  "quickjs-ffi": async (options) => (await import("./quickjs.ts")).quickjsFfi(options),
  "quickjs-eval": async (options) => (await import("./quickjs.ts")).quickjsEval(options),
  "node-pipe": async (options) => (await import("./json-lines.ts")).nodeOverPipe("each", options),
  "node-pipe-batched": async (options) => (await import("./json-lines.ts")).nodeOverPipe("batched", options),
  "python-pipe": async (options) => (await import("./json-lines.ts")).pythonOverPipe("each", options),
  "python-pipe-batched": async (options) => (await import("./json-lines.ts")).pythonOverPipe("batched", options),
  "thread-message": async (options) => (await import("./threads.ts")).threadPostMessage(options),
  "thread-batched": async (options) => (await import("./threads.ts")).threadBatched(options),
  "thread-atomics": async (options) => (await import("./threads.ts")).threadAtomics(options),
};
