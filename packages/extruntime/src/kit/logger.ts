import type { Call } from "../contract/engine.ts";
import type { LogFields, Logger } from "../contract/runtime.ts";
import type { LogSink } from "./guest-log.ts";

/** pino marks what it makes, children included; Fastify's logger is one of these. */
const PINO = Symbol.for("pino.serializers");

/** Loggers that are known to take their fields first. */
const fieldsFirstLoggers = new WeakSet<object>();

/**
 * Tells that a logger takes its fields first and the message last, as bunyan does. pino and Fastify's logger are known by themselves.
 *
 * @returns the same logger.
 */
export function fieldsFirst<Any extends object>(logger: Any): Any & Logger {
  fieldsFirstLoggers.add(logger);
  return logger as Any & Logger;
}

/**
 * A logger as guest output goes to it. Never throws: a fault of the logger is not the guest's to see.
 *
 * @param fieldsOf called once for each line.
 */
export function loggerSink(logger: Logger | undefined, fieldsOf: (call: Call | undefined) => LogFields): LogSink {
  if (logger === undefined) return () => {};
  const first = takesFieldsFirst(logger);
  return (level, message, call) => {
    try {
      if (first)
        (logger[level] as ((fields: LogFields, message: string) => void) | undefined)?.call(
          logger,
          fieldsOf(call),
          message,
        );
      else logger[level]?.(message, fieldsOf(call));
    } catch {
      // Nothing is left to report it to.
    }
  };
}

/** By what a logger is, not by a trial: a line more would be seen by whoever reads the log. */
function takesFieldsFirst(logger: Logger): boolean {
  return fieldsFirstLoggers.has(logger) || PINO in logger;
}
