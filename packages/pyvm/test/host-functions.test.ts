import type { ExtensionError, HostFunctions, Module } from "extruntime";
import { describe, expect, test } from "vitest";
import { type GuestOptions, hasOwnGil, load, testIf } from "./guest.ts";

const INTERPRETERS = hasOwnGil ? (["isolated", "shared"] as const) : (["shared"] as const);

const SOURCE = `
import asyncio, extruntime, threading
n = 0
def call(v): return extruntime.call(*v)
def tell(v):
    try: return {"value": extruntime.call(*v)}
    except extruntime.HostError as error: return {"host": error.name, "text": str(error)}
    except Exception as error: return {"type": type(error).__name__, "text": str(error)}
def count(v):
    global n
    n += 1
    return n
def stubborn(v):
    while True:
        try: extruntime.call(*v)
        except BaseException: pass
async def beside(v): return await asyncio.gather(*(asyncio.to_thread(extruntime.call, "echo", each) for each in v))
def thread(v):
    told = []
    def run(): told.append(tell(v))
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return told
def leave(v):
    threading.Thread(target=lambda: extruntime.call(*v)).start()
`;
const exports = ["call", "tell", "count", "stubborn", "beside", "thread", "leave"];

/** A guest that may call all of them, and mostly has one interpreter. */
function loadWith(hostFunctions: HostFunctions, options: GuestOptions = {}, source = SOURCE): Promise<Module> {
  const manifest = { permissions: Object.keys(hostFunctions), ...options.manifest };
  return load(source, { exports, limits: { maxInstances: 1 }, ...options, manifest, hostFunctions });
}

const told = (name: string, message: string) => ({ host: name, text: expect.stringContaining(message) });
const never = () => new Promise(() => {});
const echo = (value: unknown) => value;

for (const interpreter of INTERPRETERS) {
  const manifest = { python: { interpreter } };
  const loadHere = (hostFunctions: HostFunctions, options: GuestOptions = {}, source = SOURCE) =>
    loadWith(hostFunctions, { ...options, manifest: { ...manifest, ...options.manifest } }, source);

  describe(`a guest of the ${interpreter} interpreter`, () => {
    test("gives a host function a value and gets one back, from invoke and from invokeSync", async () => {
      const seen: unknown[] = [];
      const look = (value: unknown, context: unknown) => {
        seen.push(value, context);
        return value;
      };
      await using module = await loadHere({ look });
      const values = [null, true, 0, -1.5, 1e300, "", "é\u0000\ud83d\ude00\ud800", [], {}, { "": [{ k: "é" }] }];
      for (const value of values) {
        const payload = JSON.stringify(["look", value]);
        expect(JSON.parse(await module.invoke("call", payload))).toEqual(value);
        expect(JSON.parse(module.invokeSync("call", payload))).toEqual(value);
        expect(seen.splice(0)).toEqual([
          value,
          expect.objectContaining({ extension: "guest", name: "look", fn: "call" }),
          value,
          expect.anything(),
        ]);
      }
      expect(await module.call("call", ["look"])).toBe(null);
    });

    test("waits for a promise, and the host does not", async () => {
      let answer = (_value: unknown) => {};
      const later = () =>
        new Promise((resolve) => {
          answer = resolve;
          asked();
        });
      let asked = () => {};
      const isAsked = new Promise<void>((resolve) => {
        asked = resolve;
      });
      await using module = await loadHere({ later });
      const call = module.call("call", ["later"]);
      await isAsked;
      answer({ told: true });
      expect(await call).toEqual({ told: true });
      expect(JSON.parse(module.invokeSync("tell", '["later"]'))).toEqual(told("UnsupportedError", "with a promise"));
    });

    test("can catch what a host function fails with, whatever that is", async () => {
      const unreadable = new Proxy(
        {},
        {
          get() {
            throw new Error("no");
          },
        },
      );
      const fails: Record<string, [() => unknown, unknown]> = {
        error: [
          () => {
            throw new RangeError('too "far", é');
          },
          told("RangeError", 'too "far", é'),
        ],
        rejected: [
          () => Promise.reject(Object.assign(new Error("gone"), { name: "NotFound" })),
          told("NotFound", "gone"),
        ],
        nothing: [() => Promise.reject(null), told("Error", "null")],
        unreadable: [() => Promise.reject(unreadable), told("Error", "reading it throws")],
        bigint: [() => 10n, told("TypeError", "BigInt")],
        code: [() => echo, told("TypeError", "function")],
        denied: [
          () => Promise.reject(Object.assign(new Error("not you"), { name: "PermissionError" })),
          { type: "PermissionError", text: "not you" },
        ],
        nameless: [() => undefined, { value: null }],
      };
      await using module = await loadHere(
        Object.fromEntries(Object.entries(fails).map(([name, [body]]) => [name, body])),
      );
      for (const [name, [, expected]] of Object.entries(fails))
        expect(await module.call("tell", [name])).toEqual(expected);
      expect(JSON.parse(module.invokeSync("tell", '["error"]'))).toEqual(fails.error![1]);
    });

    test("fails with the host's error where it does not catch it, and tells nothing of the host's code", async () => {
      const fail = () => {
        throw new RangeError("too far");
      };
      await using module = await loadHere({ fail });
      const expected = expect.objectContaining({
        code: "ERR_EXT_GUEST",
        guest: expect.objectContaining({ name: "RangeError", message: "too far" }),
      });
      const error = await module.call<never>("call", ["fail"]).catch((thrown: ExtensionError) => thrown);
      expect(error).toEqual(expected);
      expect(error.guest?.stack).toMatch(/guest\.py", line 4, in call\n[\s\S]*extruntime\.HostError: too far\n$/);
      expect(error.guest?.stack).not.toContain(".ts");
      expect(() => module.invokeSync("call", '["fail"]')).toThrow(expected);
    });

    test("is refused what it was not granted, and what is no name", async () => {
      const hostFunctions = { granted: echo, other: echo };
      await using module = await loadHere(hostFunctions, { manifest: { permissions: ["granted"] } });
      await using none = await loadHere(hostFunctions, { manifest: { permissions: [] } });
      const refused = (name: string) => ({ type: "PermissionError", text: expect.stringContaining(name) });
      for (const name of ["other", "", "\u0000", "\ud800", "__proto__"])
        expect(await module.call("tell", [name])).toEqual(refused("is not granted"));
      expect(await none.call("tell", ["granted"])).toEqual(refused("asks for none"));
      expect(JSON.parse(none.invokeSync("tell", '["granted"]'))).toEqual(refused("asks for none"));
      expect(await module.call("tell", [1])).toEqual({ type: "TypeError", text: expect.stringContaining("not int") });
    });

    test("gets Python's own errors for what JSON cannot say, and the host is not called", async () => {
      let calls = 0;
      const take = () => ++calls;
      const body = `
import extruntime
class Odd(dict):
    def items(self): return [("inside", extruntime.call("take"))]
odd = {"set": {1}, "nan": float("nan"), "object": object(), "bytes": b"", "deep": [], "odd": Odd(a=1), "big": 2 ** 70}
odd["circle"] = {}
odd["circle"]["of"] = odd["circle"]
for _ in range(1_000_000): odd["deep"] = [odd["deep"]]
def f(v):
    try: return extruntime.call("take", odd[v])
    except Exception as error: return type(error).__name__
`;
      await using module = await loadHere({ take }, { exports: ["f"] }, body);
      const answers = {
        set: "TypeError",
        nan: "ValueError",
        object: "TypeError",
        bytes: "TypeError",
        circle: "ValueError",
      };
      for (const [name, expected] of Object.entries(answers)) expect(await module.call("f", name)).toBe(expected);
      expect(await module.call("f", "deep")).toBe("RecursionError");
      expect(calls).toBe(0);
      // A value may itself call the host while it is being said.
      expect([await module.call("f", "odd"), module.invokeSync("f", '"odd"')]).toEqual([2, "4"]);
      expect(await module.call("f", "big")).toBe(5);
    });

    test("carries ten megabytes each way", async () => {
      await using module = await loadHere({ echo });
      const text = `é\u0000${"x".repeat(10_000_000)}`;
      const payload = JSON.stringify(["echo", text]);
      expect((await module.invoke("call", payload)) === JSON.stringify(text)).toBe(true);
      expect(module.invokeSync("call", payload) === JSON.stringify(text)).toBe(true);
    });

    test("is stopped in time while it waits, and its interpreter serves on", async () => {
      const answers: ((value: unknown) => void)[] = [];
      const later = () => new Promise((resolve) => answers.push(resolve));
      await using module = await loadHere({ later, echo });
      const late = { code: "ERR_EXT_TIMEOUT" };
      for (const fn of ["call", "stubborn"]) {
        await expect(module.call(fn, ["later"], { timeoutMs: 30 })).rejects.toMatchObject(late);
        const controller = new AbortController();
        const call = module.call(fn, ["later"], { signal: controller.signal });
        await expect.poll(() => answers.length).toBeGreaterThan(0);
        controller.abort(new Error("enough"));
        await expect(call).rejects.toThrow("enough");
        // Too late: nobody gets them.
        for (const answer of answers.splice(0)) answer("late");
        expect(await module.call("call", ["echo", "own"])).toBe("own");
      }
      await expect(module.call("stubborn", ["echo"], { timeoutMs: 30 })).rejects.toMatchObject(late);
      await module.call("call", ["echo"]);
      expect(() => module.invokeSync("stubborn", '["echo"]', { timeoutMs: 30 })).toThrow(expect.objectContaining(late));
      expect(module.invokeSync("count", "1")).toBe("1");
      expect(module.stats().instancesCreated).toBe(1);
    });

    test("does not keep its module from being closed with abort", async () => {
      const module = await loadHere({ never });
      const calls = [module.call("call", ["never"]), module.call("stubborn", ["never"])];
      const closed = Promise.all(calls.map((call) => expect(call).rejects.toMatchObject({ code: "ERR_EXT_CLOSED" })));
      await module.close({ abort: true });
      await closed;
    });

    test("may be called again by the host function that it calls, from invoke and from invokeSync", async () => {
      const modules: Module[] = [];
      const again = (value: number) => (value === 0 ? 0 : modules[0]!.call("call", ["again", value - 1]));
      const next = (depth: number): unknown =>
        depth === 4 ? "bottom" : JSON.parse(modules[depth]!.invokeSync("call", JSON.stringify(["next", depth + 1])));
      for (const pool of [4, 1, 1, 1])
        modules.push(await loadHere({ again, next }, { limits: { maxInstances: pool } }));
      expect(await modules[0]!.call("call", ["again", 3])).toBe(0);
      expect(await Promise.all([0, 1, 0].map((n) => modules[0]!.call("call", ["again", n])))).toEqual([0, 0, 0]);
      expect(await modules[0]!.call("call", ["next", 1])).toBe("bottom");
      expect(modules[0]!.invokeSync("call", '["next",1]')).toBe('"bottom"');
      await Promise.all(modules.map((module) => module.close()));
    });

    test("has a deadline of its own, apart from that of the guest which it is called by", async () => {
      const body = `
import extruntime
def spin(v):
    while True: pass
def outer(v):
    try: raise KeyError("outer")
    except KeyError: return tell(v)
def tell(v):
    try: return extruntime.call("inner", v)
    except extruntime.HostError as error: return [error.name, str(error)]
def raises(v): raise ValueError("inner")
`;
      const exports = ["spin", "outer", "raises"];
      const inner = ({ fn, timeoutMs }: { fn: string; timeoutMs: number }) => second.invokeSync(fn, "1", { timeoutMs });
      const first = await loadHere({ inner }, { exports }, body);
      const second = await loadHere({ inner }, { exports }, body);
      const outer = (fn: string, innerMs: number, outerMs: number) =>
        first.invokeSync("outer", JSON.stringify({ fn, timeoutMs: innerMs }), { timeoutMs: outerMs });
      expect(outer("spin", 30, 60_000)).toMatch(/^\["ExtensionError",".*time was up/);
      expect(() => outer("spin", 200, 30)).toThrow(
        expect.objectContaining({ code: "ERR_EXT_TIMEOUT", function: "outer" }),
      );
      // Nothing of what the outer guest handles shows in what the inner one raises.
      expect(outer("raises", 60_000, 60_000)).toBe('["ExtensionError","guest.raises: ValueError: inner"]');
      for (const module of [first, second])
        await expect(module.call("spin", 1, { timeoutMs: 30 })).rejects.toThrow("time");
      expect(first.stats().instancesCreated + second.stats().instancesCreated).toBe(2);
      await Promise.all([first.close(), second.close()]);
    });

    test("calls by the thousand, overlapping", async () => {
      const later = async (value: number) => {
        await new Promise(setImmediate);
        return value + 1;
      };
      await using module = await loadHere({ later, echo }, { limits: { maxInstances: 3 } });
      const numbers = Array.from({ length: 3000 }, (_, n) => n);
      const answers = await Promise.all(numbers.map((n) => module.call("call", [n % 2 === 0 ? "later" : "echo", n])));
      expect(answers).toEqual(numbers.map((n) => (n % 2 === 0 ? n + 1 : n)));
    });

    test("calls from threads of its own, and beside its event loop", async () => {
      await using module = await loadHere({ echo, never });
      expect(await module.call("thread", ["echo", 1])).toEqual([{ value: 1 }]);
      expect(await module.call("beside", [1, "é", null])).toEqual([1, "é", null]);
      expect(await module.call("thread", ["nothing"])).toEqual([
        { type: "PermissionError", text: expect.stringContaining("not granted") },
      ]);
      // JavaScript's thread waits for the guest, which waits for its thread, which would wait for JavaScript's.
      expect(JSON.parse(module.invokeSync("thread", '["echo",1]'))).toEqual([
        told("UnsupportedError", "while a synchronous call"),
      ]);
      // The end of the module is the end of what they wait for.
      await module.call("leave", ["never"]);
    });

    test("calls while it is being loaded", async () => {
      const body = "import extruntime\nsetting = extruntime.call('setting', 'size')\ndef f(v): return setting";
      const setting = async (name: string) => `${name} of the host`;
      await using module = await loadHere({ setting }, { exports: ["f"] }, body);
      expect(await module.call("f")).toBe("size of the host");
      const loading = loadHere({ setting: never }, { exports: ["f"], limits: { loadTimeoutMs: 100 } }, body);
      await expect(loading).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
    });

    test("may spoil its own json, and gets an error", async () => {
      const body = `
import extruntime, json
class Odd(dict): pass
def f(v):
    before = json.dumps
    json.dumps = lambda *_, **__: "[1,"
    try: extruntime.call("echo", Odd())
    except extruntime.HostError as error: return error.name
    finally: json.dumps = before
`;
      await using module = await loadHere({ echo }, { exports: ["f"] }, body);
      expect(await module.call("f")).toBe("SyntaxError");
    });
  });
}

test("an extension may have a file that is called like the module of host functions", async () => {
  const files = { "extruntime.py": "def call(*_): return 'own'" };
  for (const interpreter of INTERPRETERS) {
    await using module = await loadWith(
      { echo },
      { files, manifest: { permissions: ["echo"], python: { interpreter } } },
    );
    expect(await module.call("call", ["echo", "host's"])).toBe("host's");
  }
});

test("a deadline reaches the module of the shared interpreter that runs, whichever was called last", async () => {
  const shared = { manifest: { python: { interpreter: "shared" as const } }, limits: { maxInstances: 1 } };
  const source = "def f(v):\n  while v: pass";
  const modules = [await load(source, shared), await load(source, shared)];
  for (const module of modules) module.invokeSync("f", "0");
  for (const module of modules)
    expect(() => module.invokeSync("f", "1", { timeoutMs: 30 })).toThrow(
      expect.objectContaining({ code: "ERR_EXT_TIMEOUT" }),
    );
  await Promise.all(modules.map((module) => module.close()));
});

testIf(hasOwnGil)(
  "nothing can be called when no function of the extension runs, as at the end of an interpreter",
  async () => {
    const body = `
import atexit, extruntime
class Late:
    def __del__(self): late()
def late():
    try: extruntime.call("echo", 1)
    except extruntime.HostError as error: print(error)
kept = Late()
atexit.register(late)
def f(v): pass
`;
    const printed: unknown[] = [];
    const logger = { debug() {}, info: (text: string) => printed.push(text), warn() {}, error() {} };
    const module = await loadWith({ echo }, { exports: ["f"], logger }, body);
    await module.call("f");
    await module.close();
    expect(printed).toEqual(["the host can be called only while a function of the extension runs"]);
  },
);
