import type { ExitCode } from "../exit-codes.ts";
import type { Io, Output } from "../terminal/io.ts";

/** What a command is given beside its own arguments. */
export interface Context {
  readonly io: Io;
  /** For what was asked for. */
  readonly out: Output;
  /** For everything else: logs of guests, and what went wrong. */
  readonly err: Output;
  /** One JSON value on standard output, and no text. */
  readonly json: boolean;
}

/** What a command has done. */
export type Outcome = Promise<ExitCode>;

export function printJson(value: unknown, { out }: Context): void {
  out.line(JSON.stringify(value, null, 2));
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
