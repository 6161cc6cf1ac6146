// https://piscinajs.dev/api/class: `filename` with a default export, a thread a core, and several tasks a thread, which is what its page on
// performance advises for short tasks.
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { Piscina } from "piscina";

export async function open() {
  const pool = new Piscina({
    filename: fileURLToPath(new URL("./piscina-task.mjs", import.meta.url)),
    minThreads: availableParallelism(),
    maxThreads: availableParallelism(),
    concurrentTasksPerWorker: 64,
  });
  return { call: (_, payload) => pool.run(payload), close: () => pool.destroy() };
}
