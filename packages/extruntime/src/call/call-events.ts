import {
  type CallMessage,
  type CrashMessage,
  callChannel,
  crashChannel,
  type ExtensionMessage,
  type StopMessage,
  stopChannel,
  type WaitMessage,
  waitChannel,
} from "../contract/events.ts";
import { ExtensionError } from "../errors.ts";
import { giveCallId, nextCallId, takeCallId } from "./call-id.ts";

/** Runs a call that is told of, from its start to its answer. */
export function tracePromise(
  extension: ExtensionMessage,
  fn: string,
  payload: string,
  run: () => Promise<string>,
): Promise<string> {
  const message: CallMessage = { ...extension, callId: nextCallId(), function: fn, payload };
  return callChannel.tracePromise(() => numbered(message.callId, run), message);
}

/** The same for a call that blocks the thread. */
export function traceSync(extension: ExtensionMessage, fn: string, payload: string, run: () => string): string {
  const message: CallMessage = { ...extension, callId: nextCallId(), function: fn, payload };
  return callChannel.traceSync(() => numbered(message.callId, run), message);
}

/** Runs a call that has its number already. */
function numbered<Result>(callId: number, run: () => Result): Result {
  giveCallId(callId);
  try {
    return run();
  } finally {
    takeCallId();
  }
}

/** Whether somebody listens to how calls end. */
export function tellsEnds(): boolean {
  return stopChannel.hasSubscribers || crashChannel.hasSubscribers;
}

/** Tells of a call that failed with `error`, where it was stopped or crashed. */
export function tellEnd(extension: ExtensionMessage, callId: number, fn: string, error: unknown): void {
  const call = { ...extension, callId, function: fn };
  if (ExtensionError.is(error, "ERR_EXT_CRASHED")) crashChannel.publish({ ...call, error } satisfies CrashMessage);
  const cause = stopCause(error);
  if (cause !== undefined) stopChannel.publish({ ...call, cause, error } satisfies StopMessage);
}

/** A call begins to wait for an instance. */
export function beginWait(extension: ExtensionMessage, callId: number, fn: string): WaitMessage {
  const message: WaitMessage = { ...extension, callId, function: fn };
  waitChannel.start.publish(message);
  waitChannel.end.publish(message);
  return message;
}

/** It has one, or failed without. */
export function endWait(message: WaitMessage, error?: unknown): undefined {
  if (error !== undefined) {
    message.error = error;
    waitChannel.error.publish(message);
  }
  waitChannel.asyncStart.publish(message);
  waitChannel.asyncEnd.publish(message);
}

function stopCause(error: unknown): StopMessage["cause"] | undefined {
  // What is no ExtensionError is the reason of a signal.
  if (!ExtensionError.is(error)) return "signal";
  if (error.code === "ERR_EXT_TIMEOUT") return "deadline";
  return error.code === "ERR_EXT_CLOSED" ? "close" : undefined;
}
