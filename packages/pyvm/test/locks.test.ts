import { describe, expect, test } from "vitest";
import { cpython, hasOwnGil, load } from "./guest.ts";

/** Two lines in each loop: the tracing of 3.11 misses loops of one. What of the standard library has locks that outlive a call: code at the top, an endless call of it, and a call that wants the same locks. */
const LIBRARY: Record<string, readonly [top: string, endless: string, next: string]> = {
  logging: [
    "import logging\nlogging.getLogger('quiet').propagate = False\nlogging.getLogger('quiet').addHandler(logging.NullHandler())",
    "while True:\n    a = b = 1\n    logging.getLogger('quiet').info('x')",
    "logging.info('y'); return True",
  ],
  threading: [
    "import threading\nc = threading.Condition()\nl = threading.RLock()\ndef t(): pass",
    "while True:\n    a = b = 1\n    with c: c.notify_all()\n    with l: pass\n    x = threading.Thread(target=t); x.start(); x.join()",
    "with c, l: pass\n  x = threading.Thread(target=t); x.start(); x.join(); return True",
  ],
  "concurrent.futures": [
    "from concurrent.futures import ThreadPoolExecutor",
    "while True:\n    a = b = 1\n    with ThreadPoolExecutor(1) as p: p.submit(int).result()",
    "with ThreadPoolExecutor(1) as p: return p.submit(int).result() == 0",
  ],
  importlib: [
    "import importlib, sys",
    "while True:\n    a = b = 1\n    sys.modules.pop('colorsys', None); importlib.import_module('colorsys')",
    "import colorsys, this; return True",
  ],
  queue: [
    "import queue\nq = queue.Queue()",
    "while True:\n    a = b = 1\n    q.put(1); q.get()",
    "q.put(1); q.get(); return True",
  ],
  warnings: [
    "import warnings",
    "while True:\n    a = b = 1\n    warnings.warn('x')",
    "warnings.warn('z'); return True",
  ],
  weakref: [
    "import weakref\nclass A: pass\nd = weakref.WeakValueDictionary()",
    "while True:\n    a = b = 1\n    a = A(); d[1] = a; weakref.finalize(a, int); list(d.items()); del a",
    "a = A(); d[2] = a; return len(list(d.items())) >= 1",
  ],
  tempfile: [
    "import tempfile",
    "while True:\n    a = b = 1\n    tempfile.NamedTemporaryFile().close(); tempfile.gettempdir()",
    "tempfile.NamedTemporaryFile().close(); return True",
  ],
  random: [
    "import random",
    "while True:\n    a = b = 1\n    random.seed(1); random.shuffle([1, 2, 3])",
    "random.shuffle([1, 2]); return random.random() < 1",
  ],
  subprocess: [
    "import subprocess",
    "while True:\n    a = b = 1\n    subprocess.run(['true'])",
    "return subprocess.run(['true']).returncode == 0",
  ],
  io: [
    "import io",
    "while True:\n    a = b = 1\n    f = io.TextIOWrapper(io.BufferedWriter(io.FileIO('/dev/null', 'w'))); f.write('x'); f.close(); print(end='')",
    "print(end=''); return True",
  ],
};

const STORM = 60;

describe.each(hasOwnGil ? (["isolated", "shared"] as const) : (["shared"] as const))(
  "interpreter: %s",
  (interpreter) => {
    test.each(Object.entries(LIBRARY))("timeouts leave no lock of %s behind", async (_name, [top, endless, next]) => {
      const source = `${top}\ndef f(v):\n  ${endless}\ndef g(v):\n  ${next}\n`;
      const options = { exports: ["f", "g"], limits: { maxInstances: 1 }, manifest: { python: { interpreter } } };
      await using module = await load(source, options);
      await using other = await load(source, options);
      for (let i = 0; i < STORM; i++)
        await expect(module.invoke("f", "1", { timeoutMs: 2 + (i % 9) })).rejects.toMatchObject({
          code: "ERR_EXT_TIMEOUT",
        });
      expect(await module.call("g")).toBe(true);
      expect(await other.call("g")).toBe(true);
      // Where an exception may hit any frame, such programs are loaded anew.
      if (!cpython.freeThreaded && cpython.version !== "3.11") expect(module.stats().instancesCreated).toBe(1);
    });
  },
);

test("what never leaves the standard library is stopped all the same, and its program is loaded anew", async () => {
  const source =
    "import statistics, itertools\nn = 0\ndef f(v): statistics.mode(itertools.repeat(1))\ndef h(v):\n  import queue\n  def g():\n    while True: yield 1\n  for x in iter(queue.Queue, 1): pass\ndef g(v):\n  global n\n  n += 1\n  return n";
  await using module = await load(source, { exports: ["f", "g", "h"], limits: { maxInstances: 1 } });
  for (let i = 0; i < 3; i++) {
    await expect(module.invoke("h", "1", { timeoutMs: 30 })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
    expect(await module.call("g")).toBeGreaterThan(0);
  }
});
