import type { Language, Placement } from "../result.ts";
import type { SubjectSpec } from "./subject.ts";

/** The floors that stand in the tables beside the engines. Further ones are only measured in the process of an engine: see trials/pairs.ts. */
const FLOORS: readonly [id: string, title: string, language: Language, placement: Placement][] = [
  ["bare-js", "bare JavaScript loop", "javascript", "inline"],
  ["wasm-by-hand", "WebAssembly called by hand", "wasm", "inline"],
  ["quickjs-dispatcher", "quickjs-emscripten, resident dispatcher", "javascript", "inline"],
  ["quickjs-ffi", "quickjs-emscripten, its FFI by hand", "javascript", "inline"],
  ["quickjs-eval", "quickjs-emscripten, evalCode per call", "javascript", "inline"],
  ["thread-message", "worker_threads, postMessage", "javascript", "thread"],
  ["thread-batched", "worker_threads, postMessage batched per tick", "javascript", "thread"],
  ["thread-atomics", "worker_threads, Atomics.wait", "javascript", "thread"],
  ["node-pipe", "Node child, JSON lines over a pipe", "javascript", "process"],
  ["node-pipe-batched", "Node child, JSON lines batched per tick", "javascript", "process"],
  ["python-pipe", "Python child, JSON lines over a pipe", "python", "process"],
  ["python-pipe-batched", "Python child, JSON lines batched per tick", "python", "process"],
];

export function floorSpecs(): SubjectSpec[] {
  const called = FLOORS.map(
    ([id, title, language, placement]): SubjectSpec => ({
      id,
      title,
      kind: "floor",
      language,
      placement,
      // Three ways by hand in the table of serial calls are enough to choose the best; the others follow it.
      primary: !["quickjs-ffi", "quickjs-eval"].includes(id),
      source: { from: "floor", floor: id },
    }),
  );
  return [
    ...called,
    {
      id: "python-loop",
      title: "json loop inside CPython",
      kind: "floor",
      language: "python",
      placement: "process",
      primary: true,
      source: { from: "self-timed" },
    },
  ];
}
