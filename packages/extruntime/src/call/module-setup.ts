import type { BundleMap } from "../bundle/source-map.ts";
import type { AppliedLimits, LimitSources } from "../contract/applied-limits.ts";
import type { Bounds } from "../contract/bounds.ts";
import type { Program } from "../contract/engine.ts";
import type { Capabilities } from "../contract/runtime.ts";
import type { GuestLog } from "../kit/guest-log.ts";
import type { Manifest, Placement } from "../manifest/manifest.ts";
import type { GrantedFunctions } from "./granted-functions.ts";
import type { ModuleSchemas } from "./module-schemas.ts";
import type { PoolOptions } from "./pool/instance-pool.ts";

/** What a module is made of. */
export interface ModuleSetup {
  readonly manifest: Manifest;
  readonly runtime: string;
  readonly placement: Placement;
  readonly capabilities: Capabilities;
  readonly program: Program;
  /** As in `Limited`. */
  readonly named: boolean;
  readonly output: GuestLog;
  /** Of an extension that was bundled: where its author's files are in the bundle. */
  readonly map: BundleMap | undefined;
  /** What its functions take and answer, where its manifest tells. */
  readonly schemas: ModuleSchemas | undefined;
  /** What its guests may call of the host. */
  readonly host: GrantedFunctions | undefined;
  readonly pool: PoolOptions;
  /** Those of {@link limits}. */
  readonly bounds: Bounds;
  readonly limits: AppliedLimits;
  readonly limitSources: LimitSources;
  /** Called once, when the module has closed. */
  readonly onClosed: () => void;
}
