import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { OwnFiles } from "../../kit/own-files.ts";

/**
 * Arguments of Node by which a process finds packages where Yarn's Plug'n'Play keeps them, as this process does. Yarn gives them in `NODE_OPTIONS`, which the
 * processes of guests do not inherit.
 */
export function plugAndPlayArguments(): string[] {
  if (process.versions.pnp === undefined) return [];
  const api = new OwnFiles(import.meta.url).require.resolve("pnpapi");
  const loader = join(dirname(api), ".pnp.loader.mjs");
  // Node warns of loaders on standard error, where it would be taken for the guest's output.
  const hooks = existsSync(loader) ? ["--no-warnings", "--experimental-loader", pathToFileURL(loader).href] : [];
  return ["--require", api, ...hooks];
}
