import { ExtensionError, type Module } from "extruntime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { load } from "./guest.ts";

/** What is beyond the kit's attempts: what breaks the interpreter itself, and what there is none of. */
const SOURCE = `
import extruntime, sys, types
kept = []
count = 0
def next(v):
    global count
    count += 1
    return count
def run(source):
    names = {}
    exec(source, names)
    return names.get("out")
def damage(v):
    """Runs code whose operands lead anywhere: what it reads and writes are the words of this memory."""
    import random
    r = random.Random(v)
    base = run.__code__
    body = bytes(each for _ in range(30) for each in (r.randrange(256), r.randrange(256)))
    exec(base.replace(co_code=body, co_stacksize=r.randrange(200), co_nlocals=0, co_varnames=(), co_argcount=0, co_consts=(None, 1, "x")))
    return v
`;

let module: Module;
beforeAll(async () => {
  module = await load(SOURCE, { exports: ["run", "next", "damage"], limits: { maxInstances: 1, memoryMb: 64 } });
});
afterAll(() => module.close());

const run = (source: string, timeoutMs = 60_000) => module.call("run", source, { timeoutMs });
const failure = (source: string) =>
  run(source).then(
    (out) => out,
    (error: unknown) => error as ExtensionError,
  );

describe("what there is none of fails as an exception", () => {
  test.each([
    ["a file of the host", "open('/etc/passwd')", "FileNotFoundError"],
    ["a path that leads out", "import os; os.listdir('/../../..' + '/etc')", "FileNotFoundError"],
    ["a new file", "open('/app/x', 'w')", "OSError"],
    ["a folder", "import os; os.mkdir('/x')", "OSError"],
    ["a removal", "import os; os.remove('/app/guest.py')", "OSError"],
    ["a process", "import subprocess; subprocess.run(['ls'])", "OSError"],
    ["a fork", "import os; os.fork()", "AttributeError"],
    ["a program", "import os; os.execv('/bin/ls', ['ls'])", "AttributeError"],
    ["a thread", "import threading; threading.Thread(target=print).start()", "RuntimeError"],
    ["a socket", "import socket; socket.create_connection(('127.0.0.1', 80))", /Error$/],
    ["an address", "import socket; socket.getaddrinfo('localhost', 80)", /Error$/],
    ["native code", "import ctypes; ctypes.CDLL(None)", "AttributeError"],
    ["input", "input()", /Error$/],
  ])("%s", async (_, source, name) => {
    const error = await failure(source);
    expect(error).toMatchObject({ code: "ERR_EXT_GUEST" });
    expect((error as ExtensionError).guest!.name).toMatch(name);
  });

  test("an environment, arguments and other processes", async () => {
    expect(
      await run("import os, sys; out = [dict(os.environ), sys.argv, os.getcwd(), sys.executable, sys.stdin]"),
    ).toEqual([{}, [""], "/", "", null]);
  });
});

describe("what ends the interpreter costs one call, and its instance begins anew", () => {
  test.each([
    ["os._exit", "import os; os._exit(3)"],
    ["os.abort", "import os; os.abort()"],
    ["a signal of its own", "import os, signal; os.kill(os.getpid(), signal.SIGABRT)"],
    ["faulthandler", "import faulthandler; faulthandler._fatal_error_c_thread()"],
    [
      "a null pointer",
      "import sys, types; (lambda: 0).__code__.replace(co_code=b'\\x53\\x00' * 3, co_stacksize=0); exec((lambda: 0).__code__.replace(co_code=bytes([83, 255] * 10)))",
    ],
  ])("%s", async (_, source) => {
    const error = await failure(source);
    expect(ExtensionError.is(error, "ERR_EXT_GUEST")).toBe(true);
    expect(await module.call("next")).toEqual(expect.any(Number));
    expect(await run("out = 1")).toBe(1);
  });

  test("bytecode by chance, fifty times, has no effect outside of its memory", async () => {
    for (let seed = 0; seed < 50; seed++) {
      // Whatever it does: it answers, fails, or is stopped.
      await module.call("damage", seed, { timeoutMs: 300 }).catch((error: unknown) => {
        expect(ExtensionError.is(error)).toBe(true);
      });
      expect(await run("out = [1, 'a', {}]")).toEqual([1, "a", {}]);
    }
  });
});

describe("what is deep ends with a RecursionError, and costs nothing", () => {
  test.each([
    ["calls", "def f(n): return 1 + f(n + 1)\nf(0)"],
    ["attributes", "class A:\n def __getattr__(self, n): return getattr(self, n + 'x')\nA().foo"],
    ["comparisons", "a = []; a.append(a); b = []; b.append(b); a == b"],
    ["representations", "class A:\n def __repr__(self): return repr(A())\nrepr(A())"],
    ["sorts", "def f(n): return sorted([1, 2], key=lambda x: f(n + 1))\nf(0)"],
    ["JSON", "import json; json.loads('[' * 100000)"],
    ["pickles", "import pickle\nl = ()\nfor _ in range(100000): l = (l,)\npickle.dumps(l)"],
    [
      "a higher limit, through C",
      "import sys; sys.setrecursionlimit(10**6)\nclass A:\n def __getattr__(self, n): return getattr(self, n + 'x')\nA().foo",
    ],
  ])("%s", async (_, source) => {
    const before = await module.call<number>("next");
    expect(((await failure(source)) as ExtensionError).guest).toMatchObject({ name: "RecursionError" });
    expect(await module.call("next")).toBe(before + 1);
  });

  test("long chains are freed, and deep code is refused", async () => {
    expect(await run("l = None\nfor _ in range(1000000): l = (l,)\ndel l\nout = 1")).toBe(1);
    expect(((await failure("compile('(' * 5000, 'a', 'eval')")) as ExtensionError).guest!.name).toMatch(
      /SyntaxError|MemoryError|RecursionError/,
    );
    expect(await run("out = 2")).toBe(2);
  });
});

describe("memory", () => {
  test("ends with a MemoryError that can be caught", async () => {
    expect(
      await run(
        "out = []\ntry:\n  while True: out.append(bytearray(1 << 20))\nexcept MemoryError: out = len(out) > 30",
      ),
    ).toBe(true);
    expect(await run("out = 'x' * 10")).toBe("xxxxxxxxxx");
  });

  test.each([
    ["lists", "l = []\nwhile True: l.append([0] * 1000)"],
    ["one large text", "'x' * 10**9"],
    ["a large number", "1 << 10**10"],
    ["a dictionary", "d = {}\nwhile True: d[len(d)] = str(len(d))"],
    ["a class for each", "l = []\nwhile True: l.append(type('A', (), {}))"],
  ])("of %s ends with ERR_EXT_MEMORY, and the next call has all of it", async (_, source) => {
    expect(ExtensionError.is(await failure(source), "ERR_EXT_MEMORY")).toBe(true);
    expect(await run("out = len(bytearray(20 << 20))")).toBe(20 << 20);
  });

  test("that is too little for an interpreter is refused with what it takes", async () => {
    await expect(load("def f(v): pass", { manifest: { limits: { memoryMb: 4 } } })).rejects.toMatchObject({
      code: "ERR_EXT_MEMORY",
      message: expect.stringContaining("limits.memoryMb"),
    });
  });

  test("a payload that does not fit is refused before the guest runs", async () => {
    await expect(module.invoke("next", JSON.stringify("x".repeat(60 << 20)))).rejects.toMatchObject({
      code: "ERR_EXT_MEMORY",
    });
    expect(await module.call("next")).toEqual(expect.any(Number));
  });
});
