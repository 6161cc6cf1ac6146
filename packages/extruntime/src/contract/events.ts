import { channel, tracingChannel } from "node:diagnostics_channel";
import type { ExtensionError } from "../errors.ts";
import type { Placement } from "../manifest/manifest.ts";

/**
 * What a host can listen to with `node:diagnostics_channel`. Of what takes time there are tracing channels: `tracingChannel("extruntime:call")`, whose
 * message is one object from `start` to `asyncEnd`. Without a subscriber nothing is made for them.
 */

/** The extension of a message. */
export interface ExtensionMessage {
  readonly extension: string;
  readonly version: string;
  readonly runtime: string;
  readonly placement: Placement;
}

/** `extruntime:load`: from `Runtime.load` to the module. What is not known yet is `undefined`. */
export interface LoadMessage {
  readonly runtime: string;
  extension: string | undefined;
  version: string | undefined;
  placement: Placement | undefined;
  error?: unknown;
}

/** `extruntime:call`: from `invoke` to the answer, a refusal included. `invokeSync` has no `asyncStart` and `asyncEnd`. */
export interface CallMessage extends ExtensionMessage {
  /** Of this process, and unique in it. */
  readonly callId: number;
  readonly function: string;
  /** JSON text. */
  readonly payload: string;
  /** JSON text; set before `asyncStart`, or before `end` of an `invokeSync`. */
  result?: string;
  /** Set before `error`. */
  error?: unknown;
}

/** `extruntime:wait`: a call's time in the queue. `error` where it left the queue without an instance. */
export interface WaitMessage extends ExtensionMessage {
  readonly callId: number;
  readonly function: string;
  error?: unknown;
}

/** `extruntime:host-call`: a guest calls a host function. */
export interface HostCallMessage {
  readonly extension: string;
  readonly version: string;
  /** Of the call whose guest calls; 0 for a guest's top level. */
  readonly callId: number;
  /** Name of the host function. */
  readonly function: string;
  /** Set before `end` where it answered, or threw, without a promise: `asyncStart` and `asyncEnd` do not come then. */
  atOnce?: true;
  error?: unknown;
}

/** `extruntime:stop` (a plain channel): an accepted call ended before its guest did. */
export interface StopMessage extends ExtensionMessage {
  readonly callId: number;
  readonly function: string;
  readonly cause: "deadline" | "signal" | "close";
  /** What its caller got. */
  readonly error: unknown;
}

/** `extruntime:crash` (a plain channel): a call ended with its engine. */
export interface CrashMessage extends ExtensionMessage {
  readonly callId: number;
  readonly function: string;
  readonly error: ExtensionError;
}

/** `extruntime:replacement` (a plain channel): an instance broke and is replaced, or a host put another version in an extension's place. */
export interface ReplacementMessage extends ExtensionMessage {
  readonly of: "instance" | "extension";
  /** Of an extension, the version before. */
  readonly before?: string;
}

export const loadChannel = tracingChannel<unknown, LoadMessage>("extruntime:load");
export const callChannel = tracingChannel<unknown, CallMessage>("extruntime:call");
export const waitChannel = tracingChannel<unknown, WaitMessage>("extruntime:wait");
export const hostCallChannel = tracingChannel<unknown, HostCallMessage>("extruntime:host-call");
export const stopChannel = channel("extruntime:stop");
export const crashChannel = channel("extruntime:crash");
export const replacementChannel = channel("extruntime:replacement");

type Traced = Readonly<
  Record<"start" | "end" | "asyncStart" | "asyncEnd" | "error", { readonly hasSubscribers: boolean }>
>;

/** `TracingChannel.hasSubscribers`, which early versions of Node 20 have not. */
export function isTraced({ start, end, asyncStart, asyncEnd, error }: Traced): boolean {
  return (
    start.hasSubscribers ||
    end.hasSubscribers ||
    asyncStart.hasSubscribers ||
    asyncEnd.hasSubscribers ||
    error.hasSubscribers
  );
}

/** Calls a host function, which may answer at once or with a promise. */
export function traceHostCall(message: HostCallMessage, run: () => unknown): unknown {
  const settled = () => {
    hostCallChannel.asyncStart.publish(message);
    hostCallChannel.asyncEnd.publish(message);
  };
  const failed = (error: unknown) => {
    message.error = error;
    hostCallChannel.error.publish(message);
  };
  return hostCallChannel.start.runStores(message, () => {
    try {
      const result = run();
      if (typeof (result as { then?: unknown } | null | undefined)?.then !== "function") {
        message.atOnce = true;
        return result;
      }
      // Of what only looks like a promise, `then` may do the work: it is called once.
      const promise = Promise.resolve(result);
      promise.then(settled, (error: unknown) => {
        failed(error);
        settled();
      });
      return promise;
    } catch (error) {
      failed(error);
      message.atOnce = true;
      throw error;
    } finally {
      hostCallChannel.end.publish(message);
    }
  });
}
