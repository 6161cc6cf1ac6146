import { beforeEach, describe, expect, test } from "vitest";
import { LinearMemory } from "../src/machine/memory/linear-memory.ts";
import type { ModuleShape } from "../src/machine/module/module-shape.ts";
import { StopSwitch } from "../src/machine/stop.ts";
import { type FileNode, findNode, putFile } from "../src/machine/wasi/file-tree.ts";
import { Wasi } from "../src/machine/wasi/wasi.ts";
import { ERRNO } from "../src/machine/wasi/wasi-errno.ts";
import { WasiFiles } from "../src/machine/wasi/wasi-files.ts";

const NAMES =
  "fd_read fd_pread fd_seek fd_tell fd_close fd_readdir fd_prestat_get fd_prestat_dir_name fd_fdstat_get fd_filestat_get fd_write fd_pwrite path_open path_filestat_get path_create_directory path_unlink_file path_rename path_readlink";
const SHAPE = {
  imports: NAMES.split(" ").map((name) => ({ module: "wasi_snapshot_preview1", name })),
} as unknown as ModuleShape;
const [PATH, BUFFER, VECTOR, OUT, PAGE] = [0, 256, 1024, 2048, 65_536];
const [READ, WRITE] = [2n, 64n];

function tree(): Map<string, FileNode> {
  const root = new Map<string, FileNode>();
  putFile(root, "lib/a.py", Buffer.from("print(1)"));
  putFile(root, "lib/deep/er/b.txt", Buffer.from("0123456789"));
  putFile(root, "c", Buffer.alloc(0));
  return root;
}

let memory: LinearMemory;
let files: WasiFiles;
let wasi: Record<string, (...args: unknown[]) => number>;

beforeEach(() => {
  memory = new LinearMemory();
  memory.attach({ buffer: new ArrayBuffer(PAGE), grow: () => 0 });
  files = new WasiFiles(memory, tree());
  const silent = { write() {} };
  wasi = new Wasi({
    memory,
    stop: new StopSwitch(),
    stdout: silent,
    stderr: silent,
    maxSleepMs: 0,
    files,
  }).imports(SHAPE) as never;
});

function at(path: string): [number, number] {
  return [PATH, memory.bytes.write(path, PATH)];
}

function open(path: string, { how = 0, rights = READ, fd = 3 } = {}): number {
  const error = wasi.path_open!(fd, 0, ...at(path), how, rights, rights, 0, OUT);
  return error === 0 ? memory.bytes.readUInt32LE(OUT) : -error;
}

function vector(length: number): [number, number] {
  memory.bytes.writeUInt32LE(BUFFER, VECTOR);
  memory.bytes.writeUInt32LE(length, VECTOR + 4);
  return [VECTOR, 1];
}

function read(fd: number, length = 100): string {
  expect(wasi.fd_read!(fd, ...vector(length), OUT)).toBe(0);
  return memory.bytes.toString("utf8", BUFFER, BUFFER + memory.bytes.readUInt32LE(OUT));
}

describe("files of a tree in memory", () => {
  test("are read, sought and read from a place, each descriptor for itself", () => {
    const [one, two] = [open("lib/deep/er/b.txt"), open("/lib/deep/../deep/./er/b.txt")];
    expect([read(one, 4), read(two, 2), read(one, 100), read(one), read(two)]).toEqual([
      "0123",
      "01",
      "456789",
      "",
      "23456789",
    ]);
    expect(wasi.fd_seek!(one, -3n, 2, OUT)).toBe(0);
    expect(memory.bytes.readBigUInt64LE(OUT)).toBe(7n);
    expect(wasi.fd_pread!(one, ...vector(2), 1n, OUT)).toBe(0);
    expect(memory.bytes.toString("utf8", BUFFER, BUFFER + 2)).toBe("12");
    expect(read(one)).toBe("789");
    expect(wasi.fd_seek!(one, -11n, 2, OUT)).toBe(ERRNO.inval);
    expect(wasi.fd_close!(one)).toBe(0);
    expect(wasi.fd_read!(one, ...vector(1), OUT)).toBe(ERRNO.badf);
    expect(open("lib/a.py")).toBe(one);
  });

  test("have sizes, kinds and numbers of their own", () => {
    const stat = (path: string) => {
      expect(wasi.path_filestat_get!(3, 0, ...at(path), OUT)).toBe(0);
      const { bytes } = memory;
      return [bytes[OUT + 16], bytes.readBigUInt64LE(OUT + 32), bytes.readBigUInt64LE(OUT + 8)];
    };
    const [file, again, folder] = [stat("lib/a.py"), stat("lib/../lib/a.py"), stat("lib")];
    expect(file.slice(0, 2)).toEqual([4, 8n]);
    expect(folder.slice(0, 2)).toEqual([3, 0n]);
    expect(again).toEqual(file);
    expect(folder[2]).not.toBe(file[2]);
    expect(wasi.fd_filestat_get!(1, OUT)).toBe(0);
    expect(memory.bytes[OUT + 16]).toBe(2);
  });

  test("are listed, in pieces where there is little room", () => {
    const names = (room: number) => {
      const found: string[] = [];
      const fd = open("lib", { how: 2 });
      for (let cookie = 0n; ; ) {
        expect(wasi.fd_readdir!(fd, BUFFER, room, cookie, OUT)).toBe(0);
        const used = memory.bytes.readUInt32LE(OUT);
        let place = BUFFER;
        while (place + 24 <= BUFFER + used) {
          const length = memory.bytes.readUInt32LE(place + 16);
          if (place + 24 + length > BUFFER + used) break;
          found.push(memory.bytes.toString("utf8", place + 24, place + 24 + length));
          cookie = memory.bytes.readBigUInt64LE(place);
          place += 24 + length;
        }
        if (used < room) return found;
      }
    };
    expect(names(500)).toEqual([".", "..", "a.py", "deep"]);
    expect(names(40)).toEqual([".", "..", "a.py", "deep"]);
  });

  test("are all there is: no path leads out, and none through a file", () => {
    expect(open("../../../lib/a.py")).toBeGreaterThan(3);
    const folder = open("lib", { how: 2 });
    expect(open("../c", { fd: folder })).toBe(-ERRNO.noent);
    expect(open("/etc/passwd")).toBe(-ERRNO.noent);
    expect(open("lib/a.py/x")).toBe(-ERRNO.noent);
    expect(open("lib/a.py/..")).toBe(-ERRNO.noent);
    expect(open("c", { how: 2 })).toBe(-ERRNO.notdir);
    expect(findNode(tree(), "a/".repeat(300))).toBeUndefined();
  });

  test("cannot be written, made or removed", () => {
    expect(open("c", { rights: WRITE })).toBe(-ERRNO.rofs);
    expect(open("c", { how: 8 })).toBe(-ERRNO.rofs);
    expect(open("new", { how: 1 })).toBe(-ERRNO.rofs);
    const fd = open("c");
    expect(wasi.fd_write!(fd, ...vector(1), OUT)).toBe(ERRNO.badf);
    expect(wasi.fd_pwrite!(fd, ...vector(1), 0n, OUT)).toBe(ERRNO.rofs);
    expect(wasi.path_create_directory!(3, ...at("new"))).toBe(ERRNO.rofs);
    expect(wasi.path_unlink_file!(3, ...at("c"))).toBe(ERRNO.rofs);
    expect(wasi.path_rename!(3, ...at("c"), 3, ...at("d"))).toBe(ERRNO.rofs);
  });

  test("are found by a libc at the root, and nowhere else", () => {
    expect([3, 4, 2].map((fd) => wasi.fd_prestat_get!(fd, OUT))).toEqual([0, ERRNO.badf, ERRNO.badf]);
    expect(wasi.fd_prestat_dir_name!(3, OUT, 1)).toBe(0);
    expect(memory.bytes[OUT]).toBe("/".charCodeAt(0));
  });

  test("no pointer of a guest leads out of its memory, and what is open has an end", () => {
    const far = PAGE - 2;
    expect(wasi.path_open!(3, 0, far, 100, 0, READ, READ, 0, OUT)).toBe(ERRNO.fault);
    expect(wasi.path_open!(3, 0, ...at("c"), 0, READ, READ, 0, far)).toBe(ERRNO.fault);
    expect(wasi.path_filestat_get!(3, 0, ...at("c"), far)).toBe(ERRNO.fault);
    expect(wasi.path_open!(3, 0, PATH, 60_000, 0, READ, READ, 0, OUT)).toBe(ERRNO.nametoolong);
    expect(wasi.fd_readdir!(3, BUFFER, PAGE, 0n, OUT)).toBe(ERRNO.fault);
    const opened = Array.from({ length: 300 }, () => open("c"));
    expect(opened.filter((fd) => fd > 0)).toHaveLength(255);
    expect(opened.at(-1)).toBe(-ERRNO.mfile);
  });

  test("what is open can be put back with the memory that knows of it", () => {
    const fd = open("lib/deep/er/b.txt");
    read(fd, 3);
    const { openFiles } = files;
    read(fd, 3);
    open("c");
    files.reopen(openFiles);
    expect(read(fd, 2)).toBe("34");
    files.reopen(openFiles);
    expect(read(fd, 2)).toBe("34");
    expect(open("c")).toBe(fd + 1);
    files.mount(new Map());
    expect(wasi.fd_read!(fd, ...vector(1), OUT)).toBe(ERRNO.badf);
    expect(open("c")).toBe(-ERRNO.noent);
  });
});
