export type { AppliedLimits, LimitSource, LimitSources } from "./contract/applied-limits.ts";
export type { Bounds } from "./contract/bounds.ts";
export {
  checkedFunction,
  type SchemaIssue,
  type SchemaResult,
  type StandardSchema,
} from "./contract/checked-function.ts";
export type {
  CallMessage,
  CrashMessage,
  ExtensionMessage,
  HostCallMessage,
  LoadMessage,
  ReplacementMessage,
  StopMessage,
  WaitMessage,
} from "./contract/events.ts";
export type { ExportedFunction, JsonSchema } from "./contract/exported-function.ts";
export {
  type CallFunctions,
  type HostFunction,
  type HostFunctionContext,
  type HostFunctions,
  perCall,
} from "./contract/host-functions.ts";
export { InstanceBudget, type InstanceBudgetOptions } from "./contract/instance-budget.ts";
export {
  type AbortSupport,
  type Capabilities,
  type CloseOptions,
  CONTRACT_VERSION,
  type InvokeOptions,
  type InvokeSyncOptions,
  type LoadOptions,
  type LogFields,
  type Logger,
  type LogLevel,
  type Module,
  type Runtime,
} from "./contract/runtime.ts";
export type { Durations, HostStats, ModuleStats } from "./contract/statistics.ts";
export {
  ERROR_CODES,
  ExtensionError,
  type ExtensionErrorCode,
  type ExtensionErrorOptions,
  type GuestErrorDetails,
} from "./errors.ts";
export { type DiscoverOptions, type Discovery, discoverRuntimes, type UnavailableEngine } from "./host/discover.ts";
export type { LoadFailure, LoadReport } from "./host/folder-loads.ts";
export {
  ExtensionHost,
  type ExtensionHostOptions,
  type HostCloseOptions,
  type HostLoadOptions,
  type Watch,
} from "./host/host.ts";
export type { Policy, PolicyTerms } from "./host/policy.ts";
export type { PlacementPolicy } from "./host/policy-placement.ts";
export type { PolicyCondition, PolicyRule } from "./host/policy-rules.ts";
export { type StrangersOptions, strangers, type TrustedOptions, trusted } from "./host/presets.ts";
export type { RunRequest } from "./host/source-runs.ts";
export type { WatchEvent, WatchOptions } from "./host/watch.ts";
export { fieldsFirst } from "./kit/logger.ts";
export type { Config } from "./manifest/config.ts";
export { type Extension, type ExtensionFiles, type ExtensionSource, openExtension } from "./manifest/extension.ts";
export {
  type Limits,
  type Manifest,
  type ManifestFault,
  type ManifestFunction,
  type ManifestInput,
  manifestFaults,
  type Placement,
  parseManifest,
} from "./manifest/manifest.ts";
export {
  type NativeContext,
  type NativeEngineOptions,
  type NativeFunction,
  type NativeHost,
  type NativeOptions,
  native,
} from "./native/index.ts";
export type { PlacementOptions, ProcessOptions, SandboxOptions, ThreadOptions } from "./placement/options.ts";
export { createRuntime, type RuntimeOptions } from "./runtime/runtime.ts";
