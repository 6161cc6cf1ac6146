import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { FLOORS } from "../paths.ts";
import { pythonExecutable } from "./json-lines.ts";

/** A floor that counts its own time, where calling it from JavaScript would cost more than it takes. */
export interface SelfTimed {
  /** Nanoseconds for so many calls. */
  time(count: number, payload: string): Promise<number> | number;
  close(): void | Promise<void>;
}

/** `json.dumps(validate(json.loads(text)))` in a CPython of its own, without Node in it. */
export async function pythonLoop(): Promise<SelfTimed> {
  const child = spawn(pythonExecutable(), [join(FLOORS, "loop.py")], { stdio: ["pipe", "pipe", "inherit"] });
  await once(child, "spawn");
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    async time(count, payload) {
      child.stdin.write(`${JSON.stringify([count, payload])}\n`);
      const { value } = await lines.next();
      return Number(value);
    },
    async close() {
      child.stdin.end();
      await once(child, "close");
    },
  };
}
