/** The host function that the guests `call-host…` call. */
export const HOST_FUNCTION = "kit.call";

/** A guest that the kit brings itself, for a language that it knows. */
export interface KitGuest {
  /** Path of the module among `files`. */
  readonly module: string;
  /** Functions that its manifest names. */
  readonly exports: readonly string[];
  /** Text or bytes by relative path. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
}
