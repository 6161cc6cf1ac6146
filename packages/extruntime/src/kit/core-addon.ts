import { existsSync } from "node:fs";
import { OwnFiles } from "./own-files.ts";
import { platformName } from "./platform-name.ts";

/** The addon of this package, with what Node has no way to: it maps files, and ends the process at once. */

const files = new OwnFiles(import.meta.url);
const BUILT = files.path("../../build/mapped_file.node");

let found: string | false | undefined;

/** The package with what is compiled for this platform: the addon, and the program `supervisor` beside it. */
export function prebuiltPackage(): string {
  return `@extruntime/mapped-file-${platformName()}`;
}

/** Path of the addon; `undefined` where there is none. */
export function coreAddon(): string | undefined {
  found ??= (process.platform === "linux" && find()) || false;
  return found || undefined;
}

function find(): string | undefined {
  if (existsSync(BUILT)) return BUILT;
  try {
    return files.require.resolve(prebuiltPackage());
  } catch {
    // Not installed, as it is for another platform or was left out.
    return undefined;
  }
}
