import type { Bounds, Call, LogLevel } from "extruntime/engine";

/** Pointer to a `JSValue` of this VM, which its holder must free. */
export type Handle = number;

export interface VmOptions {
  /** Bytes of QuickJS's own stack. */
  readonly stackBytes: number;
  /** Whether the guest gets the global `host`. */
  readonly hosted: boolean;
  readonly bounds: Bounds;
  /** `call`: the one that the line is of, or the load. */
  log(level: LogLevel, message: string, call: Call | undefined): void;
  resolveModule(base: string, name: string): string;
  moduleSource(path: string): string | undefined;
}

/** `JS_Eval` flags of quickjs.h. */
export const EVAL = { script: 0, module: 1, compileOnly: 32 } as const;
