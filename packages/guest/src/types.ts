/**
 * What the functions of the host take and give, by their names. It is empty: `extruntime types --guest` writes a file that fills it from a host's functions, or
 * an extension declares what it knows:
 *
 *     declare module "@extruntime/guest" {
 *       interface HostFunctionTypes { price: { input: { item: string }; output: number } }
 *     }
 */
// biome-ignore lint/suspicious/noEmptyInterface: it is there to be filled.
export interface HostFunctionTypes {}

type Named = keyof HostFunctionTypes & string;
type Input<Name extends Named> = HostFunctionTypes[Name] extends { input: infer In } ? In : unknown;
type Output<Name extends Named> = HostFunctionTypes[Name] extends { output: infer Out } ? Out : unknown;

/** The functions of the host that the manifest asks for in `permissions`. */
export interface GuestHost {
  /**
   * Calls one with a JSON value, and resolves to its answer. Rejects with an error of the name and message that it failed with, and with a `PermissionError` for one that
   * is not granted.
   */
  call<Result = unknown, Name extends string = string>(
    name: Name extends Named ? never : Name,
    value?: unknown,
  ): Promise<Result>;
  call<Name extends Named>(name: Name, value: Input<Name>): Promise<Output<Name>>;
}

/** The second argument of each function that the `native` runtime calls. */
export interface GuestContext {
  /** Name of the extension. */
  readonly extension: string;
  /** Values of the manifest, which the host may have overridden. Frozen. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Passes a line to the host's logger. */
  log(level: "debug" | "info" | "warn" | "error", message: string): void;
  readonly host: GuestHost;
}

/** A function that a manifest exports: takes one JSON value, and returns one or a promise of one. */
export type GuestFunction<In = unknown, Out = unknown> = (value: In, context: GuestContext) => Out | Promise<Out>;
