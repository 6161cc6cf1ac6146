/** `extruntime/engine`: what the author of an engine needs. Hosts import `extruntime`. */

export { type Bounds, DEFAULT_BOUNDS, resultTooLong } from "./contract/bounds.ts";
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
} from "./contract/engine.ts";
export { errorDetails } from "./contract/error-details.ts";
export {
  HOST_ANSWER,
  type HostCalls,
  hostCallsTakeTooMuch,
  hostCallTooLong,
  hostFailure,
  notGranted,
  readHostAnswer,
} from "./contract/host-functions.ts";
export type { AbortSupport, Capabilities, LogLevel, Module, Runtime } from "./contract/runtime.ts";
export { ExtensionError, type ExtensionErrorCode, type GuestErrorDetails, guestError } from "./errors.ts";
export { type EngineRegistration, registerEngine, registeredEngines } from "./host/registry.ts";
export { CallQueue } from "./kit/call-queue.ts";
export { DeadlineTimer } from "./kit/deadline-timer.ts";
export { exitNow } from "./kit/exit-now.ts";
export { type GuestConsoleOptions, guestConsole, readDescription } from "./kit/guest-console.ts";
export { OwnFiles } from "./kit/own-files.ts";
export { platformName } from "./kit/platform-name.ts";
export { isRefusedBuffer } from "./kit/refused-buffer.ts";
export { hasStackRoom } from "./kit/stack-headroom.ts";
export type { Extension } from "./manifest/extension.ts";
export { PYTHON_SECTION } from "./manifest/known-engines.ts";
export { badManifest, insidePath, type Manifest } from "./manifest/manifest.ts";
export type { ManifestSection, SectionSchema, SettingSchema } from "./manifest/section.ts";
export { delegatedCgroup } from "./placement/process/cgroup.ts";
export { mappedFileAddon } from "./placement/process/mapped-file.ts";
export { createRuntime, type RuntimeOptions } from "./runtime/runtime.ts";
