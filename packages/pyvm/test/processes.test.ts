import { expect, test } from "vitest";
import { cpython, hasOwnGil, load, testIf } from "./guest.ts";

const MODES = hasOwnGil ? (["isolated", "shared"] as const) : (["shared"] as const);

test.each(MODES)("a fork is refused with what works, and subprocess works (%s)", async (interpreter) => {
  const source = `
import os, subprocess, sys
def f(v):
    refused = []
    for fork in (os.fork, os.forkpty):
        try: fork()
        except RuntimeError as error: refused.append("spawn" in str(error) and "subprocess" in str(error))
    out = subprocess.run([sys.executable, "-c", "print(6 * 7)"], capture_output=True, text=True).stdout
    return refused, out.strip()
`;
  await using module = await load(source, { manifest: { python: { interpreter } } });
  expect(await module.call("f")).toEqual([[true, true], "42"]);
});

test("multiprocessing spawns by default, and its pools work in the shared interpreter", async () => {
  const source = `
import concurrent.futures, math, multiprocessing
def f(v):
    with multiprocessing.Pool(2) as pool: made = pool.map(math.factorial, [3, 4])
    with concurrent.futures.ProcessPoolExecutor(1) as pool: made.append(pool.submit(math.factorial, 5).result())
    return multiprocessing.get_start_method(), made
def g(v):
    try: multiprocessing.get_context("fork").Pool(2)
    except RuntimeError as error: return str(error)
`;
  await using module = await load(source, {
    exports: ["f", "g"],
    manifest: { python: { interpreter: "shared" } },
    limits: { pool: 1 },
  });
  expect(await module.call("f")).toEqual(["spawn", [6, 24, 120]]);
  expect(await module.call("g")).toMatch(/os\.fork\(\) is refused.*spawn/);
});

testIf(hasOwnGil && cpython.version !== "3.12")("a daemon thread is refused with the setting that helps", async () => {
  const source = "import threading\ndef f(v): threading.Thread(target=print, daemon=True).start()";
  await using module = await load(source);
  await expect(module.call("f")).rejects.toMatchObject({
    message: expect.stringMatching(/daemon.*"interpreter": "shared"/s),
  });
});

testIf(hasOwnGil)("a guest makes and ends interpreters of its own", async () => {
  const source = `
def f(v):
    try:
        import _interpreters as interpreters
    except ImportError:
        import _xxsubinterpreters as interpreters
    for _ in range(3):
        made = interpreters.create()
        run = getattr(interpreters, "exec", None) or interpreters.run_string
        run(made, "kept = [str(number) for number in range(100_000)]")
        interpreters.destroy(made)
    return True
`;
  for (const interpreter of MODES) {
    await using module = await load(source, { manifest: { python: { interpreter } }, limits: { pool: 1 } });
    expect([await module.call("f"), await module.call("f")]).toEqual([true, true]);
  }
});

testIf(hasOwnGil)("threads that wait for work end with their module", async () => {
  const source = `
from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor(2)
def f(v): return pool.submit(lambda: v + 1).result()
`;
  const module = await load(source, { limits: { pool: 1 } });
  expect(await module.call("f", 1)).toBe(2);
  await module.close();
});
