/** Milliseconds for which what a call did says something of those that follow. */
const LATELY_MS = 60_000;

/** What the calls of a program lately did: whether its guests can share a thread with others at no risk for these. */
export class ProgramHistory {
  /** When a call last went on by itself, and when one last held its thread past its end; 0 for never. */
  #waited = 0;
  #held = 0;

  waited(): void {
    this.#waited = performance.now();
  }

  heldItsThread(): void {
    this.#held = performance.now();
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
