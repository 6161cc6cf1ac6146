import type { Call, LogLevel } from "extruntime/engine";
import type { StartUp } from "./start-up.ts";

/** Pointer to a `JSValue` of this VM, which its holder must free. */
export type Handle = number;

export interface VmOptions extends StartUp {
  /** Bytes of QuickJS's own stack. */
  readonly stackBytes: number;
  /** `call`: the one that the line is of, or the load. */
  log(level: LogLevel, message: string, call: Call | undefined): void;
  resolveModule(base: string, name: string): string;
  moduleSource(path: string): string | undefined;
}

/** `JS_Eval` flags of quickjs.h. */
export const EVAL = { script: 0, module: 1, compileOnly: 32 } as const;
