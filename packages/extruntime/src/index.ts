export type { Bounds } from "./bounds.ts";
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
  type ModuleStats,
  type Runtime,
} from "./contract.ts";
export { type DiscoverOptions, type Discovery, discoverRuntimes, type UnavailableEngine } from "./discover.ts";
export { ERROR_CODES, ExtensionError, type ExtensionErrorCode, type GuestErrorDetails } from "./errors.ts";
export type { Extension, ExtensionFiles, ExtensionSource } from "./extension.ts";
export { ExtensionHost, type ExtensionHostOptions, type LoadFailure, type LoadReport } from "./host.ts";
export type { HostFunction, HostFunctionContext, HostFunctions } from "./host-functions.ts";
export { InstanceBudget, type InstanceBudgetOptions } from "./instance-budget.ts";
export { type Limits, type Manifest, type ManifestInput, type Placement, parseManifest } from "./manifest.ts";
export {
  type NativeContext,
  type NativeFunction,
  type NativeHost,
  type NativeOptions,
  native,
} from "./native/index.ts";
export type { PlacementOptions, ProcessOptions, ThreadOptions } from "./placement/options.ts";
export type { PlacementPolicy, Policy } from "./policy.ts";
export { createRuntime, type RuntimeOptions } from "./runtime.ts";
