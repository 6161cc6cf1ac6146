/**
 * A read-only file system in memory: all files that a guest can see. Folders may be shared by the trees of many guests, since no guest can
 * change one.
 */

/** A file's bytes, or a folder. */
export type FileNode = Uint8Array | Folder;

/** What a folder holds, by name. */
export type Folder = ReadonlyMap<string, FileNode>;

/** Links are not there, so a path is followed in as many steps as it has names. */
const MOST_NAMES = 256;

export function isFolder(node: FileNode): node is Folder {
  return node instanceof Map;
}

/**
 * Puts a file into a tree that is being made.
 *
 * @param path names with `/` between them; folders are made as they are met.
 */
export function putFile(root: Map<string, FileNode>, path: string, bytes: Uint8Array): void {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  const last = names.pop();
  let folder = root;
  for (const name of names) {
    const known = folder.get(name);
    const next =
      known !== undefined && isFolder(known) ? (known as Map<string, FileNode>) : new Map<string, FileNode>();
    folder.set(name, next);
    folder = next;
  }
  if (last !== undefined) folder.set(last, bytes);
}

/** What lies at a path, as seen from a folder; `..` does not lead out of that one. */
export function findNode(from: Folder, path: string): FileNode | undefined {
  const names = path.split("/");
  if (names.length > MOST_NAMES) return undefined;
  const way: FileNode[] = [from];
  for (const name of names) {
    const here = way.at(-1)!;
    if (name === "" || name === ".") {
      if (name === "." && !isFolder(here)) return undefined;
    } else if (!isFolder(here)) return undefined;
    else if (name === "..") {
      if (way.length > 1) way.pop();
    } else {
      const next = here.get(name);
      if (next === undefined) return undefined;
      way.push(next);
    }
  }
  return way.at(-1);
}
