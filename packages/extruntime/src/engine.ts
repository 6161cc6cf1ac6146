/** `extruntime/engine`: what the author of an engine needs. Hosts import `extruntime`. */

export { type Bounds, DEFAULT_BOUNDS, resultTooLong } from "./bounds.ts";
export { CallQueue } from "./call-queue.ts";
export type { AbortSupport, Capabilities, LogLevel, Module, Runtime } from "./contract.ts";
export { DeadlineTimer } from "./deadline-timer.ts";
export { ExtensionError, type ExtensionErrorCode, type GuestErrorDetails, guestError } from "./errors.ts";
export { exitNow } from "./exit-now.ts";
export type { Extension } from "./extension.ts";
export { type GuestConsoleOptions, guestConsole } from "./guest-console.ts";
export {
  HOST_ANSWER,
  type HostCalls,
  hostCallsTakeTooMuch,
  hostCallTooLong,
  notGranted,
  readHostAnswer,
} from "./host-functions.ts";
export { badManifest, insidePath, type Manifest } from "./manifest.ts";
export {
  type ManifestSection,
  PYTHON_SECTION,
  type SectionSchema,
  type SettingSchema,
} from "./manifest-section.ts";
export { platformName } from "./platform-name.ts";
export { isRefusedBuffer } from "./refused-buffer.ts";
export { type EngineRegistration, registerEngine } from "./registry.ts";
export { createRuntime, type RuntimeOptions } from "./runtime.ts";
export {
  type Answer,
  type Call,
  type CompileContext,
  ENGINE_VERSION,
  type Engine,
  type EngineOrigin,
  type Instance,
  NOT_STARTED,
  type Program,
  UNLIMITED,
} from "./spi.ts";
export { hasStackRoom } from "./stack-room.ts";
