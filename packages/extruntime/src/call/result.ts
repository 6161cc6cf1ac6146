import type { Bounds } from "../contract/bounds.ts";
import { costProblem, isSurelyCheap, jsonCost } from "../contract/json-cost.ts";
import { ExtensionError } from "../errors.ts";

/**
 * A result as a value. What that costs is counted before.
 *
 * @throws ExtensionError `ERR_EXT_BAD_RESULT`
 */
export function parseResult(result: string, bounds: Bounds): unknown {
  const cost = isSurelyCheap(result, bounds) ? 0 : jsonCost(result, bounds);
  if (typeof cost === "string")
    throw new ExtensionError(
      "ERR_EXT_BAD_RESULT",
      `the result has ${costProblem(cost, bounds)}, or use invoke, which gives its text`,
    );
  try {
    return JSON.parse(result);
  } catch (error) {
    throw new ExtensionError("ERR_EXT_BAD_RESULT", `the result is not JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
