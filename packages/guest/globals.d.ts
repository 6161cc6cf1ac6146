// Globals of guests in quickjs and v8, for `"types": ["@extruntime/guest/globals"]` in a tsconfig.json or jsconfig.json without the library "DOM".
import type { GuestHost } from "./dist/index.js";

interface GuestConsole {
  debug(...values: unknown[]): void;
  info(...values: unknown[]): void;
  log(...values: unknown[]): void;
  warn(...values: unknown[]): void;
  error(...values: unknown[]): void;
}

declare global {
  /** Functions of the host, where the manifest has `permissions`; and values of the manifest, which the host may have overridden. */
  const host: GuestHost & { readonly config: Readonly<Record<string, unknown>> };
  /** Reaches the logger of the host. */
  const console: GuestConsole;
}
