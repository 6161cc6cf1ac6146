import { writeSync } from "node:fs";
import type { Writable } from "node:stream";

/**
 * What guests of a worker thread print. Node has the main thread write it, some time later: a thread that is ended, or whose guest does not rest, never comes to that.
 * So it is written at once, to the process's own descriptors.
 */
export function printAtOnce(): void {
  divert(process.stdout, 1);
  divert(process.stderr, 2);
}

type Done = (error?: Error | null) => void;

function divert(stream: Writable, fd: number): void {
  const _write = (chunk: Buffer | string, encoding: BufferEncoding, done: Done) => {
    writeAll(fd, typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk);
    done();
  };
  Object.assign(stream, { _write, _writev: null });
}

const NEVER = new Int32Array(new SharedArrayBuffer(4));
/** Milliseconds between tries where nobody reads. */
const PAUSE_MS = 1;

/** Where it cannot be written, as on a full disk, that is no reason for a guest to end. */
function writeAll(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.byteLength; ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
      Atomics.wait(NEVER, 0, 0, PAUSE_MS);
    }
  }
}
