/** A test of the kit against a liar has the least patience that does where the machine is at rest, since waiting for what never comes takes all of it. So it is tried again with more. */
export const RETRIES = 2;

/** Milliseconds, however often it was not enough. */
const MOST_MS = 60_000;

/** A task of Vitest. */
export interface Tried {
  readonly result?: { readonly retryCount?: number | undefined } | undefined;
}

/** The given patience the first time, then three and nine times as much. */
export function patience(ms: number, { result }: Tried): number {
  return Math.min(MOST_MS, ms * 3 ** (result?.retryCount ?? 0));
}
