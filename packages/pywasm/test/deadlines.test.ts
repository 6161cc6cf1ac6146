import { ExtensionError, type Module } from "extruntime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { load } from "./guest.ts";

/** None of them ends by itself in a minute. Without ticks in the loops of CPython most would not be stopped at all. */
const ENDLESS: Readonly<Record<string, string>> = {
  loop: "while True: pass",
  "loop that catches everything": "while True:\n  try:\n   while True: pass\n  except BaseException: pass",
  "sum of a range": "sum(range(10**12))",
  any: "import itertools\n any(itertools.repeat(0))",
  in: "import itertools\n 1 in itertools.repeat(0)",
  deque: "import collections, itertools\n collections.deque(itertools.repeat(0), 0)",
  "a power": "7 ** 10 ** 7",
  "a number's text": "import sys\n sys.set_int_max_str_digits(0)\n str(7 ** 3000000)",
  "a factorial": "import math\n math.factorial(10**7)",
  "a sort": "import random\n a = [random.random() for _ in range(10**5)]\n while True: sorted(a)",
  "a regular expression that tracks back": "import re\n re.match('(a+)+$', 'a' * 60 + 'b')",
  "a product of repeated sets": "import itertools\n for _ in itertools.product(range(100), repeat=50): pass",
  "an empty generator": "for _ in iter(int, 1): pass",
  "repeated replacement": "while True: ('a' * 10**6).replace('a', 'bb')",
  "a search": "('a' * 3 * 10**6 + 'c').find('a' * 10**6 + 'b')\n while True: ('ab' * 10**6).find('ba' * 10**5 + 'c')",
  "a recursion that doubles": "def r(n): return r(n - 1) + r(n - 1) if n else 1\n r(100)",
  "a compilation": "while True: compile('x=1\\n' * 20000, 'a', 'exec')",
  JSON: "import json\n a = [{'a': i} for i in range(10**4)]\n while True: json.loads(json.dumps(a))",
  "a hash": "import hashlib\n while True: hashlib.sha256(b'x' * 10**7)",
  "a compression": "import zlib, bz2\n while True: bz2.compress(zlib.compress(bytes(range(256)) * 10**4))",
  sleep: "import time\n time.sleep(10**6)",
  "asyncio.run": "import asyncio\n asyncio.run(asyncio.sleep(10**6))",
  sqlite:
    "import sqlite3\n c = sqlite3.connect(':memory:')\n c.execute('with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n').fetchone()",
  Decimal: "from decimal import Decimal, getcontext\n getcontext().prec = 10**6\n Decimal(2).ln()",
};

/** Code that no compiler makes: jumps back that never look whether something is wanted of them. */
const BY_HAND = `
import dis, opcode
def code_of(name):
    base = (lambda: None).__code__
    op = opcode.opmap
    if name == "jump back":
        return base.replace(co_code=bytes([op["RESUME"], 0, op["NOP"], 0, op["JUMP_BACKWARD_NO_INTERRUPT"], 2]))
    # An exception that is handled where it is raised.
    table = bytes([0x80 | 1, 2, 1, 0])
    return base.replace(co_code=bytes([op["RESUME"], 0, op["RAISE_VARARGS"], 0, op["NOP"], 0]), co_exceptiontable=table)
def f(name):
    exec(code_of(name))
    while True: pass
`;

const timeout = (error: unknown) => ExtensionError.is(error, "ERR_EXT_TIMEOUT");
/** Beside a load all takes its time. */
const SOON_MS = 20_000;

describe("a deadline stops on its caller's thread, and what comes after is served", () => {
  let module: Module;
  const names = Object.keys(ENDLESS);
  beforeAll(async () => {
    const functions = Object.values(ENDLESS).map((body, i) => `def run${i}(v):\n ${body}\n`);
    module = await load(`${functions.join("")}n = 0\ndef count(v):\n global n\n n += 1\n return n\n`, {
      exports: [...names.map((_, i) => `run${i}`), "count"],
      limits: { maxInstances: 1 },
    });
  });
  afterAll(() => module.close());

  test.each(names)("%s", async (name) => {
    const start = performance.now();
    const call = () => module.invokeSync(`run${names.indexOf(name)}`, "null", { timeoutMs: 50 });
    expect(call).toThrow(expect.toSatisfy(timeout));
    expect(performance.now() - start).toBeLessThan(SOON_MS);
    // Of an interpreter that was stopped nothing is kept.
    expect(await module.call("count")).toBe(1);
  });

  test("the top level of an extension", async () => {
    const manifest = { limits: { loadTimeoutMs: 50 } };
    await expect(load("while True: pass\ndef f(v): pass", { manifest })).rejects.toSatisfy(timeout);
  });

  test.each(["jump back", "handled where it is raised"])("code that was made by hand: %s", async (name) => {
    await using made = await load(BY_HAND);
    expect(() => made.invokeSync("f", JSON.stringify(name), { timeoutMs: 50 })).toThrow(expect.toSatisfy(timeout));
  });

  test("a coroutine that waits is cancelled, and its interpreter lives on where it ends for that", async () => {
    await using waiting = await load(
      `
import asyncio
log = []
async def f(v):
    if v == "look": return log
    try: await asyncio.sleep(100)
    finally: log.append("finally")
    `,
      { limits: { maxInstances: 1 } },
    );
    for (let i = 0; i < 3; i++) await expect(waiting.call("f", "wait", { timeoutMs: 20 })).rejects.toSatisfy(timeout);
    expect(await waiting.call("f", "look")).toEqual(["finally", "finally", "finally"]);
  });

  test("a hundred stops leave no memory behind", async () => {
    const stop = () =>
      expect(() => module.invokeSync("run0", "null", { timeoutMs: 2 })).toThrow(expect.toSatisfy(timeout));
    for (let i = 0; i < 20; i++) stop();
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 80; i++) stop();
    expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(50);
  });
});
