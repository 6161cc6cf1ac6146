import type { Attributes } from "@opentelemetry/api";
import type { ExtensionMessage } from "extruntime";

/** Names of attributes. What OpenTelemetry's semantic conventions name, `code.function.name` and `error.type`, is named so; the rest has the prefix `extruntime`. */
export const ATTRIBUTES = {
  extension: "extruntime.extension.name",
  version: "extruntime.extension.version",
  runtime: "extruntime.runtime.name",
  placement: "extruntime.placement",
  callId: "extruntime.call.id",
  hostFunction: "extruntime.host_function.name",
  stopCause: "extruntime.stop.cause",
  replaced: "extruntime.replacement.of",
  state: "extruntime.instance.state",
  function: "code.function.name",
  errorType: "error.type",
} as const;

export function ofExtension({ extension, version, runtime, placement }: ExtensionMessage): Attributes {
  return {
    [ATTRIBUTES.extension]: extension,
    [ATTRIBUTES.version]: version,
    [ATTRIBUTES.runtime]: runtime,
    [ATTRIBUTES.placement]: placement,
  };
}

/** The stable code of an ExtensionError, or else the error's name. */
export function errorType(error: unknown): string {
  const { code, name } = (typeof error === "object" && error !== null ? error : {}) as {
    code?: unknown;
    name?: unknown;
  };
  if (typeof code === "string") return code;
  return typeof name === "string" && name !== "" ? name : "_OTHER";
}

/** The attributes, and `error.type` where something failed. */
export function withError(attributes: Attributes, error: unknown): Attributes {
  return error === undefined ? attributes : { ...attributes, [ATTRIBUTES.errorType]: errorType(error) };
}
