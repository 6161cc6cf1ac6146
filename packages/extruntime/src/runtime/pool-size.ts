import type { Engine } from "../contract/engine.ts";

/**
 * Instances per module by an engine's setting: its environment variable, else its default.
 *
 * @throws TypeError where the variable is set and is not a positive integer.
 */
export function defaultPoolSize(pool: Engine["pool"], env: NodeJS.ProcessEnv = process.env): number {
  const text = pool.env === undefined ? undefined : env[pool.env];
  if (text === undefined) return pool.size;
  const size = /^[0-9]+$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(size) || size < 1)
    throw new TypeError(`${pool.env} must be a positive integer, and is ${JSON.stringify(text)}`);
  return size;
}
