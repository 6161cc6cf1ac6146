import { createRuntime } from "extruntime";
import { expect, test } from "vitest";
import { pyvmEngine } from "../src/engine.ts";
import { cpython, type GuestOptions, guest, hasOwnGil, load } from "./guest.ts";
import { staying } from "./staying.mjs";

const SOURCE = `
import asyncio, extruntime, gc, sys
class Key(str): pass
class Odd(dict): pass
held = {"list": [1.5, "é", 2 ** 100], "tuple": ("t", {}), "odd": Odd(a=1)}
error = ValueError("told", held)
def plain(v): return held
def host(v):
    extruntime.call("echo", [held["list"], v])
    for name, value in ("fail", 1), ("nothing", v), ("later", v), ("echo", error):
        try: extruntime.call(name, value)
        except Exception: pass
    extruntime.call("fail", Odd(held))
def echo(v): return v
def odd(v): return [held["odd"], {Key("k"): held["list"]}, float(v["n"])]
def fail(v): raise error.with_traceback(None)
def bad(v): return {"set": held, "what": error}
async def later(v):
    await asyncio.sleep(0)
    return held
def spin(v):
    kept = [held, error]
    while True: pass
def counts(v):
    gc.collect()
    watched = [held, *held.values(), *held["list"], *held["tuple"], error, Key, Odd, ValueError, extruntime.HostError, PermissionError, plain, host, fail, later, echo]
    return [[sys.getrefcount(each) for each in watched], sys.getrefcount(None) + len(gc.get_objects())]
`;
const exports = ["plain", "echo", "odd", "fail", "bad", "later", "spin", "host", "counts"];
const hostFunctions = {
  echo: (value: unknown) => value,
  later: async (value: unknown) => value,
  fail: () => Promise.reject(new Error("é")),
};
const payload = '{"n":1,"key":["é",{"held":null}],"big":123456789012345678901234567890,"x":1e400}';
const refused = ['{"a":[1,{"b":', '["a",{"k":NaN}]', `${"[".repeat(100_000)}`];

function loadStaying(source: string, options: GuestOptions) {
  const engine = pyvmEngine({ python: cpython.library, graceMs: 600_000 });
  return createRuntime(staying(engine)).load(guest(source, options), options);
}

const interpreters = hasOwnGil ? (["isolated", "shared"] as const) : (["shared"] as const);
for (const [interpreter, stays] of interpreters.flatMap(
  (each) =>
    [
      [each, false],
      [each, true],
    ] as const,
))
  test(`no call leaves a reference or an object behind, ${interpreter}${stays ? ", on the calling thread" : ""}`, async () => {
    const manifest = { permissions: Object.keys(hostFunctions), python: { interpreter } };
    const options = { exports, limits: { maxInstances: 1 }, manifest, hostFunctions };
    await using module = stays ? await loadStaying(SOURCE, options) : await load(SOURCE, options);
    const round = async () => {
      for (const fn of ["plain", "echo", "odd", "fail", "bad", "later", "host"]) {
        await module.invoke(fn, payload).catch(() => {});
        try {
          module.invokeSync(fn, payload);
        } catch {
          // Thrown by the guest, not JSON, or a coroutine.
        }
      }
      for (const text of refused) await expect(module.invoke("echo", text)).rejects.toThrow("not JSON");
    };
    const counts = async () => {
      const [references, objects] = await module.call<[number[], number]>("counts");
      return { references, objects };
    };
    // What is made once: caches of keys, the loop, the traceback module.
    for (let i = 0; i < 20; i++) await round();
    await module.invoke("spin", "1", { timeoutMs: 20 }).catch(() => {});
    await module.invoke("later", "{}");
    const before = await counts();
    for (let i = 0; i < 200; i++) await round();
    for (let i = 0; i < 5; i++)
      await expect(module.invoke("spin", "1", { timeoutMs: 20 })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
    await module.invoke("later", "{}");
    const after = await counts();
    // Without a GIL what another thread has let go of is subtracted later; a leak would be one a round.
    if (cpython.freeThreaded)
      for (const [i, count] of after.references.entries())
        expect(Math.abs(count - before.references[i]!)).toBeLessThan(20);
    else expect(after.references).toEqual(before.references);
    // Some objects of the loop and of frames come and go, and references to None; a leak would be one a round.
    expect(after.objects - before.objects).toBeLessThan(100);
    expect(module.stats().instancesCreated).toBe(1);
  });
