import type { Module } from "extruntime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { load } from "./guest.ts";

/** Why a module of the standard library is not there. docs/pywasm-python.md tells the same. */
const MISSING = {
  "other systems":
    "_aix_support _android_support _apple_support _ios_support _osx_support _overlapped _scproxy _winapi _wmi msvcrt nt winreg winsound",
  "threads, processes and their memory":
    "_interpchannels _interpqueues _interpreters _multiprocessing _posixshmem _posixsubprocess fcntl mmap multiprocessing resource",
  "foreign functions and other libraries": "_ctypes _dbm _gdbm _hashlib _ssl _uuid dbm ssl",
  "users and the system's log": "grp pwd syslog",
  "terminals and displays":
    "_curses _curses_panel _pyrepl _tkinter curses pty readline termios tkinter tty turtle turtledemo webbrowser",
  "connections and servers": "ftplib imaplib mailbox poplib smtplib wsgiref xmlrpc",
  development: "ensurepip idlelib pydoc pydoc_data venv antigravity this",
  "tables of East Asian codecs, whose size every instance would have":
    "_codecs_cn _codecs_hk _codecs_iso2022 _codecs_jp _codecs_kr _codecs_tw",
} as const;

const SOURCE = `
import sys

def missing(v):
    gone = []
    for name in sorted(sys.stdlib_module_names):
        if name in ("antigravity", "this"):
            gone.append(name)
            continue
        try:
            __import__(name)
        except ImportError:
            gone.append(name)
    return [len(sys.stdlib_module_names) - len(gone), gone]

def foreign(v):
    import ctypes
    try:
        ctypes.CDLL(None)
    except AttributeError as error:
        return [ctypes.sizeof(ctypes.c_long), str(error)]

def compress(v):
    import bz2, lzma, zlib
    data = b"hello " * 1000
    return [m.decompress(m.compress(data)) == data for m in (zlib, bz2, lzma)]

def sqlite(v):
    import sqlite3
    with sqlite3.connect(":memory:") as c:
        c.execute("create virtual table t using fts5(a)")
        c.execute("insert into t values ('one two')")
        return [c.execute("select a from t where t match 'two'").fetchall(), c.execute("select json('{}'), sqrt(4)").fetchone()]

def zones(v):
    import datetime, zoneinfo
    at = datetime.datetime(2024, 7, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))
    return [at.isoformat(), len(zoneinfo.available_timezones()) > 500]

def hashes(v):
    import hashlib
    return {name: hashlib.new(name, b"abc").hexdigest()[:8] for name in ("md5", "sha1", "sha256", "sha512", "sha3_256", "blake2b", "blake2s")}

def numbers(v):
    import decimal, fractions, math, unicodedata
    return [str(decimal.Decimal(2).sqrt()), str(fractions.Fraction(3, 6)), math.comb(5, 2), unicodedata.name("\\u00e9"), repr(0.1 + 0.2)]

def xml(v):
    import xml.etree.ElementTree as tree
    return [each.tag for each in tree.fromstring("<a><b/><c/></a>")]
`;

let module: Module;
beforeAll(async () => {
  const names = [...SOURCE.matchAll(/^def (\w+)/gm)].map(([, name]) => name as string);
  module = await load(SOURCE, { exports: names, limits: { memoryMb: 256 } });
});
afterAll(() => module.close());

test("more than 210 modules import, and those that do not are known", async () => {
  const [there, gone] = await module.call<[number, string[]]>("missing");
  expect(gone).toEqual(Object.values(MISSING).join(" ").split(" ").sort());
  expect(there).toBeGreaterThan(210);
});

test("ctypes has sizes, for packages that ask for them, and no foreign functions", async () => {
  expect(await module.call("foreign")).toEqual([
    4,
    "pywasm has no foreign functions: ctypes has the sizes of C's types, and no CDLL",
  ]);
});

test("compression by zlib, bz2 and lzma", async () => {
  expect(await module.call("compress")).toEqual([true, true, true]);
});

test("SQLite in memory, with full text search", async () => {
  expect(await module.call("sqlite")).toEqual([[["one two"]], ["{}", 2]]);
});

test("time zones come with it", async () => {
  expect(await module.call("zones")).toEqual(["2024-07-01T00:00:00+02:00", true]);
});

test("hashes", async () => {
  expect(await module.call("hashes")).toEqual({
    md5: "90015098",
    sha1: "a9993e36",
    sha256: "ba7816bf",
    sha512: "ddaf35a1",
    sha3_256: "3a985da7",
    blake2b: "ba80a53f",
    blake2s: "508c5e8c",
  });
});

test("numbers and characters", async () => {
  expect(await module.call("numbers")).toEqual([
    "1.414213562373095048801688724",
    "1/2",
    10,
    "LATIN SMALL LETTER E WITH ACUTE",
    "0.30000000000000004",
  ]);
});

test("XML", async () => {
  expect(await module.call("xml")).toEqual(["b", "c"]);
});
