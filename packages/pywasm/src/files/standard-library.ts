import { type FileNode, type Folder, putFile } from "@extruntime/wasm/machine";

/**
 * Reads the file of the standard library: the length of an index, the index in JSON (by path, offset and size), and the files' bytes. What it gives are views of it.
 */
export function readStandardLibrary(file: Buffer): Folder {
  const start = 4 + file.readUInt32LE(0);
  const index = JSON.parse(file.toString("utf8", 4, start)) as Record<string, readonly [offset: number, size: number]>;
  const root = new Map<string, FileNode>();
  for (const [path, [offset, size]] of Object.entries(index))
    putFile(root, path, file.subarray(start + offset, start + offset + size));
  return root;
}
