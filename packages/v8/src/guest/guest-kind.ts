import type { Bounds, Call, HostCalls, LogLevel } from "extruntime/engine";
import type { Guest } from "./guest.ts";

/** What an isolate is made with, before it is known whose code will run in it. */
export interface GuestKind {
  /** Megabytes of the isolate's heap and buffers together. */
  readonly memoryMb: number;
  /** Whether the guest has `Intl`. */
  readonly intl: boolean;
  /** Whether the guest may call host functions. */
  readonly hosted: boolean;
  readonly bounds: Bounds;
  /** What runs when it ends has ended when V8 lets go of it, and not before. */
  readonly patient: boolean;
}

/** Whose code runs in an isolate. */
export interface GuestOwner {
  /** The host functions that the guest may call. */
  readonly host: HostCalls | undefined;
  /** `call`: the one that the line is of, or the load. */
  log(level: LogLevel, message: string, call: Call | undefined): void;
  /** Told when V8 gave up on the isolate. */
  onLost(): void;
  /** Told when it has ended and V8 has not let go of it. */
  onLeft(guest: Guest): void;
}
