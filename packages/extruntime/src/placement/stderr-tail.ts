import type { Readable } from "node:stream";

/** The last of it that an error message quotes, in characters. */
const MOST_KEPT = 4096;

/** Passes the standard error of a process on to ours, and keeps its last lines for the message should it crash. */
export class StderrTail {
  #kept = "";

  constructor(stream: Readable) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      passOn(text);
      this.#kept = (this.#kept + text).slice(-MOST_KEPT);
    });
    stream.on("error", () => {});
  }

  get text(): string {
    return this.#kept.trim();
  }

  /** As the end of a message. */
  get quoted(): string {
    return this.text === "" ? "" : `; the last lines of its standard error:\n${this.text}`;
  }
}

let underWay = 0;
const ignore = () => {};

/** Where ours cannot be written to, as on a full disk, that is no reason for the host to end. */
function passOn(text: string): void {
  if (underWay++ === 0) process.stderr.on("error", ignore);
  // The error comes after the callback.
  const written = () => {
    if (--underWay === 0) process.stderr.off("error", ignore);
  };
  process.stderr.write(text, () => setImmediate(written));
}
