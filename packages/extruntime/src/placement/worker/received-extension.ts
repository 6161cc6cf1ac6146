import { type Extension, folderOf } from "../../manifest/extension.ts";
import { badManifest, insidePath, type Manifest } from "../../manifest/manifest.ts";
import type { CompileMessage } from "../wire/protocol.ts";

/**
 * An extension as a worker gets it: the manifest that the host validated, and the files that were sent with it. What was
 * not sent is read from its folder, if it has one, with the same checks as in the host.
 */
export function receivedExtension(message: CompileMessage, bytes: readonly Uint8Array[]): Extension {
  const { location, dir } = message;
  const sent = new Map(message.files.map((path, index) => [path, bytes[index]!]));
  return {
    manifest: message.manifest as Manifest,
    location,
    dir,
    async read(path) {
      const found = sent.get(insidePath(path, location, JSON.stringify(path)));
      if (found !== undefined) return found;
      if (dir === undefined) throw badManifest(location, `${path} is not among its files`);
      return folderOf(this.manifest, location, dir).read(path);
    },
    async list() {
      return dir === undefined ? [...sent.keys()].sort() : folderOf(this.manifest, location, dir).list();
    },
  };
}
