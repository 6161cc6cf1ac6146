/** What one call has its guest do; sent as the payload. */
export interface Script {
  readonly id: number;
  readonly does: Deed;
  /** How long that takes. */
  readonly ms: number;
}

export type Deed =
  | "answer"
  | "fail"
  /** Answers, and its instance cannot serve another call. */
  | "break"
  /** Holds its thread for a while. */
  | "spin"
  /** Holds its thread until it is stopped. */
  | "endless"
  /** The same, where its engine cannot stop it. */
  | "stuck"
  /** Goes on by itself, and answers later. */
  | "wait"
  /** Goes on by itself, then holds its thread for a while. */
  | "waitAndSpin"
  /** Goes on by itself, for ever. */
  | "never"
  /** Asks the host, and answers when that has. */
  | "ask"
  /** Ends its worker. */
  | "crash"
  /** Answers, and leaves something behind that holds the thread for ever. */
  | "storm";

/** Deeds that end by themselves only if they are stopped. */
export function needsStop(does: Deed): boolean {
  return does === "endless" || does === "stuck" || does === "never";
}

/** Deeds in whose midst the thread serves others. */
export function goesOn(does: Deed): boolean {
  return does === "wait" || does === "waitAndSpin" || does === "never" || does === "ask";
}
