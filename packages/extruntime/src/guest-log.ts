import type { LogFields, Logger, LogLevel } from "./contract.ts";

/** Longest line of guest output that is passed on, in UTF-16 code units; the rest is cut, so that a guest cannot fill the host's log with one call. */
export const MAX_LOG_LENGTH = 16_384;

/** What an engine logs guest output with. Never throws: a fault of the logger is not the guest's to see. */
export function guestLog(logger: Logger | undefined, fields: LogFields): (level: LogLevel, message: string) => void {
  if (logger === undefined) return () => {};
  return (level, message) => {
    const text = message.length > MAX_LOG_LENGTH ? `${message.slice(0, MAX_LOG_LENGTH)}… (cut)` : message;
    try {
      logger[level]?.(text, fields);
    } catch {
      // Nothing is left to report it to.
    }
  };
}
