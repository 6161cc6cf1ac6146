/** In so many pieces a wait is cut. */
const PIECES = 10;

/**
 * Milliseconds that an aborted call has to end. They are waited for in pieces, each of which begins when the one before is over: a machine that gives this thread no processor
 * gives the interpreter none either, and such a pause then counts as one piece and not as all of it.
 */
export class Grace {
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number, over: () => void) {
    const wait = (pieces: number) => {
      this.#timer = setTimeout(() => (pieces === 1 ? over() : wait(pieces - 1)), ms / PIECES);
    };
    wait(PIECES);
  }

  /** The call has ended. */
  end(): void {
    clearTimeout(this.#timer);
  }
}
