import {
  type HostileGuest,
  hostileAnswersAt,
  hostileAnswersTest,
} from "../../../fixtures/hostile-answers/hostile-answers.ts";
import { cpython, hasOwnGil } from "./guest.ts";

const ANSWERED = /^answered$/;
const TOO_MUCH = /^ERR_EXT_BAD_RESULT$/;
/** The guest's own stack may be what ends it first. */
const NOT_OURS = /^(answered|ERR_EXT_(BAD_RESULT|GUEST|MEMORY))$/;

/** What each prepares and then answers with, and what must come of it. */
const SHAPES: readonly [name: string, make: string, outcome: RegExp][] = [
  ["a million empty objects", "[{} for _ in range(1_000_000)]", TOO_MUCH],
  ["a million empty lists", "[[] for _ in range(1_000_000)]", TOO_MUCH],
  ["as many empty objects as may be", "[{} for _ in range(499_990)]", ANSWERED],
  ["as many numbers as may be", "[1.5 + i for i in range(499_990)]", ANSWERED],
  ["as many names as may be", "{'k' + str(i): i for i in range(249_990)}", ANSWERED],
  ["as many shapes as may be", "[{'k' + str(i): i} for i in range(166_000)]", ANSWERED],
  ["as many strings as may be", "['s' + str(i) for i in range(499_990)]", ANSWERED],
  ["lists in lists", "deep(3000)", NOT_OURS],
  ["NUL characters", "'\\0' * 2_700_000", ANSWERED],
  ["quotes", "'\"\\\\' * 4_000_000", ANSWERED],
  ["wide characters", "'\\u20ac' * 2_700_000", ANSWERED],
  ["half a pair of surrogates", "'\\ud800' * 2_700_000", ANSWERED],
  ["a very long string", "'x' * 50_000_000", TOO_MUCH],
  ["a very long integer", "10 ** 4000", ANSWERED],
  ["very long numbers", "[1.2345678901234567e-200] * 1_000_000", TOO_MUCH],
];

const SOURCE = `
import sys
import extruntime

def deep(n):
    value = []
    for _ in range(n): value = [value]
    return value

makers = {${SHAPES.map(([name, make]) => `${JSON.stringify(name)}: lambda: ${make}`).join(", ")}}
kept = None
long = None

def prepare(name):
    global kept, long
    if name == "": long = "x" * 30_000_000
    kept = makers[name]() if name in makers else None

def answer(value): return kept

class Long(Exception):
    def __str__(self): return long

def fail(part):
    if part == "message": raise ValueError(long)
    if part == "str": raise Long()
    if part == "name": raise type("E" * 1_000_000, (Exception,), {})()
    def down(n): return down(n - 1) if n else 1 // 0
    if part == "notes":
        error = ValueError("e")
        note = long[:100_000]
        for _ in range(3000): error.add_note(note)
        raise error
    if part == "lines of a note":
        error = ValueError("e")
        error.add_note("\\n" * 5_000_000)
        raise error
    error = ValueError("e")
    for _ in range(3000):
        cause, error = error, ValueError("e")
        error.__cause__ = cause
    raise error

def log(value):
    for _ in range(20_000): print(long[:1000])

def lines(value):
    for _ in range(300_000): print()

def one_line(value): sys.stdout.write(long)

def asks(name):
    try: extruntime.call("ask", makers[name]())
    except extruntime.HostError: pass

def floods(value):
    for _ in range(50):
        try: extruntime.call("ask", long[:15_000_000] if value == "taken" else long)
        except extruntime.HostError: pass
`;

const EXPORTS = ["prepare", "answer", "fail", "log", "lines", "one_line", "asks", "floods"];

function guest(name: string, call: HostileGuest["call"], outcome: RegExp, prepare = ""): HostileGuest {
  const python = hasOwnGil ? {} : { python: { interpreter: "shared" } };
  const manifest = { name: "hostile", runtime: "pyvm", module: "guest.py", exports: EXPORTS, permissions: ["ask"] };
  return { name, manifest: { ...manifest, ...python }, files: { "guest.py": SOURCE }, call, outcome, prepare };
}

const guests: HostileGuest[] = [
  ...SHAPES.map(([name, , outcome]) => guest(name, ["answer"], outcome, name)),
  ...["message", "str", "name", "notes", "lines of a note", "causes"].map((part) =>
    guest(`an error with long ${part}`, ["fail", part], /^ERR_EXT_GUEST$/),
  ),
  guest("twenty megabytes of output", ["log"], ANSWERED),
  guest("three hundred thousand empty lines", ["lines"], ANSWERED),
  guest("a line of 30 MB", ["one_line"], ANSWERED),
  guest("an argument of a million objects", ["asks", "a million empty objects"], ANSWERED),
  guest("an argument of as many objects as may be", ["asks", "as many empty objects as may be"], ANSWERED),
  guest("fifty arguments of 30 MB", ["floods", "refused"], ANSWERED),
];

// A guest runs on a thread of its own, inline too.
for (const placement of hostileAnswersAt(["inline", "process"] as const))
  hostileAnswersTest(
    placement,
    {
      url: new URL("../dist/index.js", import.meta.url),
      factory: "pyvm",
      options: { python: cpython.library, placement },
    },
    guests,
  );
