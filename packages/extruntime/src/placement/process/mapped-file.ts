import { existsSync } from "node:fs";
import { OwnFiles } from "../../kit/own-files.ts";
import { platformName } from "../../kit/platform-name.ts";

/** A file in memory that processes share. Node has no way to it, so it takes a small addon, where that is installed and serves. */

const files = new OwnFiles(import.meta.url);
const { require } = files;

const BUILT = files.path("../../../build/mapped_file.node");

/** The package with what is compiled for this platform: the addon, and the program `supervisor` beside it. */
export function prebuiltPackage(): string {
  return `@extruntime/mapped-file-${platformName()}`;
}

let found: string | false | undefined;

/**
 * Path of the addon; `undefined` where there is none, or the environment variable `EXTRUNTIME_MAPPED_FILE` is `off`. x64 only:
 * the reader relies on stores becoming visible in program order, so a piece's last word proves the rest.
 */
export function mappedFileAddon(): string | undefined {
  return process.env.EXTRUNTIME_MAPPED_FILE === "off" || process.arch !== "x64" ? undefined : nativeAddon();
}

/** Path of the same addon for whoever maps no file with it. */
export function nativeAddon(): string | undefined {
  found ??= (process.platform === "linux" && find()) || false;
  return found || undefined;
}

/** The first bytes of an open file, which must be as long, where the addon can be loaded. */
export function mapFile(addon: string, fd: number, bytes: number): ArrayBuffer | undefined {
  try {
    const { map } = require(addon) as { map(fd: number, bytes: number): ArrayBuffer };
    return map(fd, bytes);
  } catch {
    return undefined;
  }
}

function find(): string | undefined {
  if (existsSync(BUILT)) return BUILT;
  try {
    return require.resolve(prebuiltPackage());
  } catch {
    // Not installed, as it is for another platform or was left out.
    return undefined;
  }
}
