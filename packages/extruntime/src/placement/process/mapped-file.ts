import { coreAddon } from "../../kit/core-addon.ts";
import { OwnFiles } from "../../kit/own-files.ts";

/** A file in memory that processes share. Node has no way to it, so it takes the core's addon, where that is installed and serves. */

const { require } = new OwnFiles(import.meta.url);

/**
 * Path of the addon; `undefined` where there is none, or the environment variable `EXTRUNTIME_MAPPED_FILE` is `off`. x64 only:
 * the reader relies on stores becoming visible in program order, so a piece's last word proves the rest.
 */
export function mappedFileAddon(): string | undefined {
  return process.env.EXTRUNTIME_MAPPED_FILE === "off" || process.arch !== "x64" ? undefined : coreAddon();
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
