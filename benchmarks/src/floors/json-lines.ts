import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { FLOORS } from "../paths.ts";
import { NoSuchGuest, type Opened, type OpenOptions } from "../subjects/subject.ts";

/**
 * A child process with one line of JSON a call on its standard input and output. Usually every line is a write of its own; `batched`
 * makes one write of what has gathered in a turn of the event loop, in both directions.
 */
export type Writes = "each" | "batched";

export function nodeOverPipe(writes: Writes, options: OpenOptions): Promise<Opened> {
  return overPipe(process.execPath, join(FLOORS, "json-lines-child.mjs"), writes, options);
}

export function pythonOverPipe(writes: Writes, options: OpenOptions): Promise<Opened> {
  return overPipe(pythonExecutable(), join(FLOORS, "json_lines_child.py"), writes, options);
}

/** The CPython that the run chose; the processes of trials have it in their environment. */
export function pythonExecutable(): string {
  const path = process.env.PYVM_PYTHON;
  if (path === undefined) throw new Error("no CPython with a shared library was found on this machine");
  return path;
}

async function overPipe(command: string, script: string, writes: Writes, { guest }: OpenOptions): Promise<Opened> {
  if (guest !== "validate") throw new NoSuchGuest("the child has the shared fixture alone");
  const child = spawn(command, [script, writes], { stdio: ["pipe", "pipe", "inherit"] });
  await once(child, "spawn");
  const call = linesTo(child, writes);
  return {
    call: (_, payload) => call(payload),
    async close() {
      child.stdin!.end();
      await once(child, "close");
    },
  };
}

function linesTo({ stdin, stdout }: ChildProcess, writes: Writes): (line: string) => Promise<string> {
  const waiting: ((answer: string) => void)[] = [];
  let served = 0;
  let gathered = "";
  let rest = "";
  stdout!.setEncoding("utf8");
  stdout!.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    for (const line of lines) waiting[served++]!(line);
    // Cheaper than taking each from the front.
    if (served === waiting.length) waiting.length = served = 0;
  });
  const send = () => {
    stdin!.write(gathered);
    gathered = "";
  };
  return (line) =>
    new Promise((resolve) => {
      waiting.push(resolve);
      if (writes === "each") {
        stdin!.write(`${line}\n`);
        return;
      }
      if (gathered === "") process.nextTick(send);
      gathered += `${line}\n`;
    });
}
