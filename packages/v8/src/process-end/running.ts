/** The guests of this process that have something under way, for whoever has to look after all of them. */

export interface Running {
  /** Its thread waits for this one. */
  readonly waits: boolean;
  kill(reason: Error): void;
  /** Told once in a while, to see whether the end of something was lost. */
  look(): void;
}

const LOOK_MS = 1000;

export const running = new Set<Running>();
/** Guests that were ended and that V8 has not let go of. Each holds a thread, and perhaps a core. */
export const strays = new Set<object>();
/** Isolates that V8 gave up on. They are kept, since to free one is to wait for its thread, which never ends. */
export const lost: object[] = [];

let looking: NodeJS.Timeout | undefined;

/** A guest has something under way from here to `ended`. */
export function started(guest: Running): void {
  running.add(guest);
  looking ??= setInterval(look, LOOK_MS).unref();
}

export function ended(guest: Running): void {
  running.delete(guest);
}

/** The guest's thread never ends; `isolate` is what must not be collected. */
export function neverEnds(guest: Running, isolate: object): void {
  running.delete(guest);
  lost.push(isolate);
}

function look(): void {
  for (const guest of running) guest.look();
  if (running.size > 0) return;
  clearInterval(looking);
  looking = undefined;
}
