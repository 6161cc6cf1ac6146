/** Milliseconds for which what a call did says something of those that follow. */
const LATELY_MS = 60_000;

/** Calls that have to end by themselves until it is taken as known that those of the program do. */
const KNOWN_AFTER = 100;

/** What the calls of a program lately did: whether its guests can share a thread with others at no risk for these. */
export class ProgramHistory {
  /** Calls that have ended since one last held its thread. */
  #ended = 0;
  /** When a call last had to wait until its thread was its own; 0 for never. */
  #crowded = 0;
  /** When a call last ran asynchronously, and when one last held its thread past its end; 0 for never. */
  #waited = 0;
  #held = 0;

  waited(): void {
    this.#waited = performance.now();
  }

  heldItsThread(): void {
    this.#held = performance.now();
    this.#ended = 0;
  }

  /** A call has ended by itself. */
  ended(): void {
    this.#ended++;
  }

  wasCrowded(): void {
    this.#crowded = performance.now();
  }

  /** Its calls have to be alone on their thread, and there was none for one of them. */
  get crowded(): boolean {
    return isLate(this.#crowded) && !this.known;
  }

  /** It is known that its calls end by themselves. */
  get known(): boolean {
    return this.#ended >= KNOWN_AFTER && !this.endless;
  }

  /** Its calls wait for the host, or for other things, while others run: they are lost with their thread. */
  get waits(): boolean {
    return isLate(this.#waited);
  }

  /** Its calls may have to be stopped by ending their thread. */
  get endless(): boolean {
    return isLate(this.#held);
  }

  /** Whether guests of both in one thread would put calls at risk. */
  clashes(other: ProgramHistory): boolean {
    return (this.endless && other.waits) || (this.waits && other.endless);
  }
}

function isLate(time: number): boolean {
  return time !== 0 && performance.now() - time < LATELY_MS;
}
