// A hand-written child process over a pipe with JSON lines: what the process placement is measured against.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { validate } from "./guest.mjs";

const FILE = fileURLToPath(import.meta.url);
const answer = (payload) => JSON.stringify(validate(JSON.parse(payload)));

/** Calls `onLine` for each line of a stream. */
function lines(stream, onLine, onEnd = () => {}) {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (piece) => {
    const parts = (rest + piece).split("\n");
    rest = parts.pop();
    for (const line of parts) onLine(line);
    onEnd();
  });
}

if (process.argv[1] === FILE) {
  const batch = process.argv[2] === "batched";
  let out = "";
  lines(
    process.stdin,
    (line) => {
      const { id, payload } = JSON.parse(line);
      const text = `${JSON.stringify({ id, result: answer(payload) })}\n`;
      if (batch) out += text;
      else process.stdout.write(text);
    },
    () => {
      if (out !== "") process.stdout.write(out);
      out = "";
    },
  );
}

/** Calls spread over `children` processes, a line each; `batched` puts the lines of one turn of the event loop together. */
export function jsonLines(children, batched = false) {
  const settles = new Map();
  const workers = Array.from({ length: children }, () => {
    const child = spawn(process.execPath, [FILE, batched ? "batched" : "each"], { stdio: ["pipe", "pipe", "inherit"] });
    lines(child.stdout, (line) => {
      const { id, result } = JSON.parse(line);
      settles.get(id)(result);
      settles.delete(id);
    });
    return { child, out: "" };
  });
  let id = 0;
  const call = (payload) =>
    new Promise((resolve) => {
      settles.set(++id, resolve);
      const worker = workers[id % children];
      const line = `${JSON.stringify({ id, payload })}\n`;
      if (!batched) {
        worker.child.stdin.write(line);
        return;
      }
      if (worker.out === "")
        process.nextTick(() => {
          worker.child.stdin.write(worker.out);
          worker.out = "";
        });
      worker.out += line;
    });
  return { call, close: () => workers.forEach(({ child }) => void child.kill()) };
}
