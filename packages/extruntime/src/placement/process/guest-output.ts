import type { Readable, Writable } from "node:stream";

/** The last of it that an error message quotes, in characters. */
const MOST_KEPT = 4096;

/**
 * Passes what a process writes to a standard stream on to the host's own, and keeps its end for the message should it crash. The process has a
 * pipe and not the host's stream itself, which it could read and overwrite where that is a file.
 */
export class GuestOutput {
  #kept = "";

  constructor(from: Readable, to: Writable) {
    from.setEncoding("utf8");
    from.on("data", (text: string) => {
      this.#kept = (this.#kept + text).slice(-MOST_KEPT);
      // A process that writes faster than ours is read waits, as it would without us.
      if (passOn(text, to)) return;
      from.pause();
      whenItGoesOn(to, () => from.resume());
    });
    from.on("error", () => {});
  }

  get text(): string {
    return this.#kept.trim();
  }

  /** As the end of a message. */
  get quoted(): string {
    return this.text === "" ? "" : `; the last lines of its standard error:\n${this.text}`;
  }
}

/** What to do when a stream can be written to again, or is over with. */
const waiting = new WeakMap<Writable, (() => void)[]>();

/** One listener for all processes: past ten of an event Node warns of a leak. */
function whenItGoesOn(to: Writable, then: () => void): void {
  const others = waiting.get(to);
  if (others !== undefined) {
    others.push(then);
    return;
  }
  const all = [then];
  waiting.set(to, all);
  const goOn = () => {
    to.off("drain", goOn).off("error", goOn).off("close", goOn);
    waiting.delete(to);
    for (const each of all) each();
  };
  for (const event of ["drain", "error", "close"]) listen(to, event, goOn);
}

/**
 * Without Node's warning of a leak, which comes past ten listeners: Node pipes the output of each thread to the same stream, each pipe listens there, and
 * Node leaves out the warning for those in the same way.
 */
function listen(to: Writable, event: string, listener: () => void): void {
  const most = to.getMaxListeners();
  to.setMaxListeners(0);
  to.on(event, listener);
  to.setMaxListeners(most);
}

const underWay = new Map<Writable, number>();
const ignore = () => {};

/** Where ours cannot be written to, as on a full disk, that is no reason for the host to end. Returns whether more may follow at once. */
function passOn(text: string, to: Writable): boolean {
  if (to.destroyed || to.writableEnded) return true;
  const before = underWay.get(to) ?? 0;
  underWay.set(to, before + 1);
  if (before === 0) listen(to, "error", ignore);
  // The error comes after the callback.
  const written = () => {
    const left = (underWay.get(to) ?? 1) - 1;
    underWay.set(to, left);
    if (left === 0) to.off("error", ignore);
  };
  return to.write(text, () => setImmediate(written)) || to.destroyed;
}
