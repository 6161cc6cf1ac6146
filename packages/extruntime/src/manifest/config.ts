import type { Manifest } from "./manifest.ts";
import { shapeProblem } from "./shape.ts";

/** Characters of a module's configuration, as JSON. */
const MOST_CHARS = 1 << 20;

/** Values for the guests of an extension, by name: what JSON can say. */
export type Config = Readonly<Record<string, unknown>>;

/** @throws TypeError for what is no configuration that a host can give. */
export function checkConfig(config: Config | undefined): void {
  if (config !== undefined) textOf(config);
}

/**
 * The configuration of a module as JSON: the manifest's values, each that the host gives in place of the one of its name. `undefined` where neither has any.
 *
 * @throws TypeError as {@link checkConfig}, and where both together are too large.
 */
export function configText({ config }: Manifest, ofHost: Config | undefined): string | undefined {
  if (config === undefined && ofHost === undefined) return undefined;
  return textOf({ ...config, ...(ofHost && (JSON.parse(textOf(ofHost)) as Config)) });
}

function textOf(config: Config): string {
  const isObject = typeof config === "object" && config !== null && !Array.isArray(config);
  const problem = isObject ? shapeProblem(config) : "must be an object";
  if (problem !== undefined) throw new TypeError(`config ${problem}`);
  let text: string | undefined;
  try {
    text = JSON.stringify(config, noLoss);
  } catch (error) {
    throw new TypeError(`config must consist of JSON values: ${(error as Error).message}`, { cause: error });
  }
  if (text.length > MOST_CHARS)
    throw new TypeError(`config has ${text.length} characters as JSON, and may have ${MOST_CHARS}`);
  return text;
}

/** What JSON.stringify would leave out or write as null in silence. */
function noLoss(name: string, value: unknown): unknown {
  const type = typeof value;
  if (type === "function" || type === "symbol" || (type === "number" && !Number.isFinite(value)))
    throw new TypeError(`${JSON.stringify(name)} is ${type === "number" ? String(value) : `a ${type}`}`);
  return value;
}
