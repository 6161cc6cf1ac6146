import type { LinearMemory } from "../memory/linear-memory.ts";
import type { WasmFunction } from "../webassembly.ts";
import { type FileNode, type Folder, findNode, isFolder } from "./file-tree.ts";
import { ERRNO } from "./wasi-errno.ts";

/**
 * The part of WASI preview 1 that reads files, over a tree in memory. The root of the tree is the one folder that is open from the start.
 * Nothing can be written: what would write is answered as on a read-only file system.
 */

/** The descriptor of the root, behind the standard streams. */
const ROOT_FD = 3;
/** Descriptors that a guest may have open. */
const MOST_OPEN = 256;
/** Bytes of a path, as `PATH_MAX`. */
const MOST_PATH_BYTES = 4096;

const [CHARACTER_DEVICE, DIRECTORY, REGULAR_FILE] = [2, 3, 4];
const [FILESTAT_BYTES, FDSTAT_BYTES, DIRENT_BYTES] = [64, 24, 24];
const [SEEK_SET, SEEK_CURRENT, SEEK_END] = [0, 1, 2];
const OPEN = { create: 1, directory: 2, exclusive: 4, truncate: 8 };
const RIGHT_WRITE = 64n;
/** Those to read, to seek and to list. */
const RIGHTS_TO_READ = 0x0fbf_ffffn & ~RIGHT_WRITE;

interface OpenFile {
  readonly node: FileNode;
  position: number;
}

/** What is open at one moment, to be put back with the memory that knows of it. */
export type OpenFiles = readonly (Readonly<OpenFile> | undefined)[];

const WRITES =
  "fd_allocate fd_filestat_set_size fd_filestat_set_times fd_pwrite path_create_directory path_filestat_set_times path_link path_remove_directory path_rename path_symlink path_unlink_file".split(
    " ",
  );

export class WasiFiles {
  readonly #memory: LinearMemory;
  /** By descriptor, less that of the root. */
  #open: (OpenFile | undefined)[] = [];
  readonly #numbers = new WeakMap<object, bigint>();
  #numbered = 0n;

  constructor(memory: LinearMemory, root: Folder) {
    this.#memory = memory;
    this.mount(root);
  }

  /** Another tree, with its root open and nothing else. */
  mount(root: Folder): void {
    this.#open = [{ node: root, position: 0 }];
  }

  /** A copy of what is open, but for the root. */
  get openFiles(): OpenFiles {
    return this.#open.slice(1).map((file) => file && { ...file });
  }

  /** Opens what was open. */
  reopen(files: OpenFiles): void {
    this.#open = [this.#open[0], ...files.map((file) => file && { ...file })];
  }

  has(fd: number): boolean {
    return this.#open[fd - ROOT_FD] !== undefined;
  }

  /** What guests import besides the functions that streams have too. */
  functions(): Record<string, WasmFunction> {
    const readOnly = () => ERRNO.rofs;
    return {
      ...Object.fromEntries(WRITES.map((name) => [name, readOnly])),
      fd_prestat_dir_name: this.prestatName.bind(this),
      fd_filestat_get: this.#statOf.bind(this),
      fd_readdir: this.#list.bind(this),
      fd_tell: (fd: number, out: number) => this.seek(fd, 0n, SEEK_CURRENT, out),
      fd_fdstat_set_flags: (fd: number) => (this.has(fd) ? ERRNO.success : ERRNO.badf),
      path_open: this.#openPath.bind(this),
      path_filestat_get: this.#statPath.bind(this),
      path_readlink: () => ERRNO.inval,
    };
  }

  /** Bytes of the file from its position on, at the most `length`, and moves that. */
  read(fd: number, length: number): Uint8Array | undefined {
    const file = this.#open[fd - ROOT_FD];
    if (file === undefined || isFolder(file.node)) return undefined;
    const part = file.node.subarray(file.position, file.position + length);
    file.position += part.length;
    return part;
  }

  isFolder(fd: number): boolean {
    const file = this.#open[fd - ROOT_FD];
    return file !== undefined && isFolder(file.node);
  }

  /** For `fd_pread`: runs `body` with the position moved there and back. */
  at(fd: number, position: bigint, body: () => number): number {
    const file = this.#open[fd - ROOT_FD];
    if (file === undefined) return ERRNO.badf;
    const before = file.position;
    file.position = Number(BigInt.asUintN(53, position));
    const result = body();
    file.position = before;
    return result;
  }

  close(fd: number): number {
    if (!this.has(fd)) return ERRNO.badf;
    this.#open[fd - ROOT_FD] = undefined;
    return ERRNO.success;
  }

  seek(fd: number, offset: bigint, whence: number, out: number): number {
    const file = this.#open[fd - ROOT_FD];
    if (file === undefined) return ERRNO.badf;
    if (isFolder(file.node)) return ERRNO.isdir;
    const start = { [SEEK_SET]: 0, [SEEK_CURRENT]: file.position, [SEEK_END]: file.node.length }[whence];
    const position = start === undefined ? -1 : start + Number(offset);
    if (!(position >= 0 && position <= Number.MAX_SAFE_INTEGER)) return ERRNO.inval;
    if (!this.#memory.has(out >>> 0, 8)) return ERRNO.fault;
    file.position = position;
    this.#memory.bytes.writeBigUInt64LE(BigInt(position), out >>> 0);
    return ERRNO.success;
  }

  fdstat(fd: number, out: number): number {
    const file = this.#open[fd - ROOT_FD];
    if (file === undefined) return ERRNO.badf;
    const start = out >>> 0;
    if (!this.#memory.has(start, FDSTAT_BYTES)) return ERRNO.fault;
    const { bytes } = this.#memory;
    bytes.fill(0, start, start + FDSTAT_BYTES);
    bytes[start] = isFolder(file.node) ? DIRECTORY : REGULAR_FILE;
    bytes.writeBigUInt64LE(RIGHTS_TO_READ, start + 8);
    bytes.writeBigUInt64LE(RIGHTS_TO_READ, start + 16);
    return ERRNO.success;
  }

  /** The root is the one folder that a libc finds open, under the name `/`. */
  prestat(fd: number, out: number): number {
    if (fd !== ROOT_FD || !this.has(fd)) return ERRNO.badf;
    if (!this.#memory.has(out >>> 0, 8)) return ERRNO.fault;
    this.#memory.bytes.writeUInt32LE(0, out >>> 0);
    this.#memory.bytes.writeUInt32LE(1, (out >>> 0) + 4);
    return ERRNO.success;
  }

  prestatName(fd: number, out: number, length: number): number {
    if (fd !== ROOT_FD || !this.has(fd)) return ERRNO.badf;
    if (length >>> 0 < 1 || !this.#memory.has(out >>> 0, 1)) return ERRNO.fault;
    this.#memory.bytes[out >>> 0] = 0x2f;
    return ERRNO.success;
  }

  #openPath(
    fd: number,
    _lookup: number,
    path: number,
    length: number,
    how: number,
    rights: bigint,
    _inherited: bigint,
    _flags: number,
    out: number,
  ): number {
    const found = this.#find(fd, path, length);
    if (typeof found === "number" && (found !== ERRNO.noent || !(how & OPEN.create))) return found;
    if (how & (OPEN.create | OPEN.truncate)) return ERRNO.rofs;
    const node = found as FileNode;
    if (how & OPEN.directory && !isFolder(node)) return ERRNO.notdir;
    if (rights & RIGHT_WRITE && !isFolder(node)) return ERRNO.rofs;
    if (!this.#memory.has(out >>> 0, 4)) return ERRNO.fault;
    let free = this.#open.indexOf(undefined);
    if (free === -1) free = this.#open.length;
    if (free >= MOST_OPEN) return ERRNO.mfile;
    this.#open[free] = { node, position: 0 };
    this.#memory.bytes.writeUInt32LE(ROOT_FD + free, out >>> 0);
    return ERRNO.success;
  }

  #statPath(fd: number, _flags: number, path: number, length: number, out: number): number {
    const found = this.#find(fd, path, length);
    return typeof found === "number" ? found : this.#putStat(out, found);
  }

  /** Of a stream too: guests ask for the kind of what they print to. */
  #statOf(fd: number, out: number): number {
    if (fd >= 0 && fd < ROOT_FD) return this.#putStat(out, undefined);
    const file = this.#open[fd - ROOT_FD];
    return file === undefined ? ERRNO.badf : this.#putStat(out, file.node);
  }

  /** Records of `fd_readdir`, as many as fit; the last may be cut, by which a libc sees that there is more. */
  #list(fd: number, buffer: number, length: number, cookie: bigint, out: number): number {
    const file = this.#open[fd - ROOT_FD];
    if (file === undefined) return ERRNO.badf;
    const { node } = file;
    if (!isFolder(node)) return ERRNO.notdir;
    const [start, room] = [buffer >>> 0, length >>> 0];
    if (!this.#memory.has(start, room) || !this.#memory.has(out >>> 0, 4)) return ERRNO.fault;
    const names = [".", "..", ...node.keys()];
    let used = 0;
    for (let i = Number(BigInt.asUintN(32, cookie)); i < names.length && used < room; i++) {
      const record = this.#record(names[i]!, i + 1, node.get(names[i]!) ?? node).subarray(0, room - used);
      this.#memory.bytes.set(record, start + used);
      used += record.length;
    }
    this.#memory.bytes.writeUInt32LE(used, out >>> 0);
    return ERRNO.success;
  }

  #record(name: string, next: number, node: FileNode): Buffer {
    const text = Buffer.from(name);
    const record = Buffer.alloc(DIRENT_BYTES + text.length);
    record.writeBigUInt64LE(BigInt(next), 0);
    record.writeBigUInt64LE(this.#number(node), 8);
    record.writeUInt32LE(text.length, 16);
    record[20] = isFolder(node) ? DIRECTORY : REGULAR_FILE;
    text.copy(record, DIRENT_BYTES);
    return record;
  }

  /** What a path means, or an error number. */
  #find(fd: number, path: number, length: number): FileNode | number {
    const folder = this.#open[fd - ROOT_FD];
    if (folder === undefined) return ERRNO.badf;
    const [start, size] = [path >>> 0, length >>> 0];
    if (size > MOST_PATH_BYTES) return ERRNO.nametoolong;
    if (!this.#memory.has(start, size)) return ERRNO.fault;
    if (!isFolder(folder.node)) return ERRNO.notdir;
    return findNode(folder.node, this.#memory.bytes.utf8Slice(start, start + size)) ?? ERRNO.noent;
  }

  #putStat(out: number, node: FileNode | undefined): number {
    const start = out >>> 0;
    if (!this.#memory.has(start, FILESTAT_BYTES)) return ERRNO.fault;
    const { bytes } = this.#memory;
    bytes.fill(0, start, start + FILESTAT_BYTES);
    bytes.writeBigUInt64LE(1n, start);
    bytes.writeBigUInt64LE(node === undefined ? 0n : this.#number(node), start + 8);
    bytes[start + 16] = node === undefined ? CHARACTER_DEVICE : isFolder(node) ? DIRECTORY : REGULAR_FILE;
    bytes.writeBigUInt64LE(1n, start + 24);
    bytes.writeBigUInt64LE(BigInt(node instanceof Uint8Array ? node.length : 0), start + 32);
    return ERRNO.success;
  }

  /** By which a guest tells two files apart. */
  #number(node: FileNode): bigint {
    const known = this.#numbers.get(node);
    if (known !== undefined) return known;
    this.#numbered += 1n;
    this.#numbers.set(node, this.#numbered);
    return this.#numbered;
  }
}
