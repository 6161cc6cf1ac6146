import type { Engine } from "extruntime/engine";

/** The engine as a worker process uses it for short calls: they stay on the calling thread as far as they do not wait. */
export function staying(engine: Engine): Engine;
