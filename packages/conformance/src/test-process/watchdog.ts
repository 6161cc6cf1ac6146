import { Socket } from "node:net";
import { workerData } from "node:worker_threads";

/**
 * Runs in a worker thread of the child process: ends the process when its parent is gone, even where a guest keeps the main
 * thread busy for ever. The parent never writes to this pipe; its end is the parent's.
 */
const pipe = new Socket({ fd: workerData as number, readable: true, writable: false });
pipe.resume();
pipe.on("close", () => process.kill(process.pid, "SIGKILL"));
