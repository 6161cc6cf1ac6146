/** What the command ends with. Stable: scripts and CI go by it. */
export const EXIT = {
  /** All is well. Warnings are. */
  ok: 0,
  /** The extension is at fault: it has errors, its call failed, or a case did. */
  failed: 1,
  /** The command line is: an unknown command or option, a value that is no JSON, a file that is not there. */
  usage: 2,
  /** This machine is: the engine that is wanted cannot be had here. */
  unavailable: 3,
  /** The command itself is: a fault of this package. */
  internal: 70,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The command line asks for what cannot be done. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
