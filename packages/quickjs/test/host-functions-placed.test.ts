import { setImmediate } from "node:timers/promises";
import type { HostFunctions, Module, Placement } from "extruntime";
import { afterAll, describe, expect, test } from "vitest";

/** As it is built: a worker imports the engine by itself. */
const { quickjs } = await import("../dist/index.js");

/** In a worker every answer comes later, whatever the host function does. */
describe.each<Placement>(["inline", "thread", "process"])("host functions, placement %s", (placement) => {
  const runtime = quickjs({ placement });
  afterAll(() => runtime.close());

  function load(source: string, hostFunctions: HostFunctions, pool = 2): Promise<Module> {
    const permissions = Object.keys(hostFunctions);
    const manifest = { name: "guest", runtime: "quickjs", module: "guest.js", exports: ["f"], permissions };
    return runtime.load({ manifest, files: { "guest.js": source } }, { hostFunctions, limits: { maxInstances: pool } });
  }

  const never = () => new Promise(() => {});

  test("answer at once or later, and fail", async () => {
    const functions = {
      now: (value: unknown) => value,
      later: async (value: unknown) => value,
      fail: () => {
        throw new RangeError("too far");
      },
    };
    const source =
      "async function f(v) { return [await host.call('now', v), await host.call('later', v), await host.call('fail').catch((e) => [e.name, e.message]), await host.call('other').catch((e) => e.name)] }";
    await using module = await load(source, functions);
    const value = { text: "\ud800\0é", list: [1, null] };
    expect(await module.call("f", value)).toEqual([value, value, ["RangeError", "too far"], "PermissionError"]);
  });

  test("an uncaught failure is told with the guest's line", async () => {
    const fail = () => {
      throw new RangeError("too far");
    };
    await using module = await load("async function f() {\n  return await host.call('fail');\n}", { fail });
    await expect(module.invoke("f", "1")).rejects.toMatchObject({
      code: "ERR_EXT_GUEST",
      message: "guest.f: RangeError: too far",
      guest: { name: "RangeError", stack: expect.stringMatching(/^ {4}at f \(guest\.js:2:\d+\)$/) },
    });
  });

  test("a guest that waits is ended at its deadline, and the module goes on", async () => {
    await using module = await load("const f = (v) => v === 1 ? 'alive' : host.call('never')", { never }, 1);
    await expect(module.invoke("f", "0", { timeoutMs: 30 })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
    expect(await module.invoke("f", "1")).toBe('"alive"');
  });

  test("a signal ends a guest that waits and one that loops, where it can fire; else it is refused", async () => {
    for (const last of ["return host.call('never')", "for (;;);"]) {
      const controller = new AbortController();
      const reason = new Error("enough");
      const abort = () => {
        setTimeout(() => controller.abort(reason));
      };
      const source = `async function f(v) { if (v === 1) return 'alive'; await host.call('abort'); ${last} }`;
      await using module = await load(source, { abort, never }, 1);
      const call = expect(module.invoke("f", "0", { signal: controller.signal }));
      if (placement === "inline") await call.rejects.toMatchObject({ code: "ERR_EXT_UNSUPPORTED" });
      else await call.rejects.toBe(reason);
      expect(await module.invoke("f", "1")).toBe('"alive"');
    }
  });

  test("a guest that waits is ended when its module is closed with abort", async () => {
    let asked = () => {};
    const waits = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const fn = () => {
      asked();
      return never();
    };
    const module = await load("const f = () => host.call('fn')", { fn });
    const failed = expect(module.invoke("f", "1")).rejects.toMatchObject({ code: "ERR_EXT_CLOSED" });
    await waits;
    await module.close({ abort: true });
    await failed;
  });

  test("answers to calls that were left do not reach the next call", async () => {
    const held: ((value: unknown) => void)[] = [];
    const slow = () => new Promise((resolve) => held.push(resolve));
    const release = () => {
      for (const answer of held) answer("late");
    };
    const source =
      "const seen = []; async function f(v) { if (v === 1) { host.call('slow').then((a) => seen.push(a)); return 'left' } await host.call('release'); await host.call('release'); return seen }";
    await using module = await load(source, { slow, release }, 1);
    expect(await module.call("f", 1)).toBe("left");
    expect(await module.call("f", 2)).toEqual([]);
  });

  test("a host function may call the module that calls it", async () => {
    const again = async (n: number) => await module.call("f", n - 1);
    const module = await load(
      "const f = async (n) => n === 0 ? [0] : [n, ...await host.call('again', n)]",
      { again },
      4,
    );
    expect(await module.call("f", 3)).toEqual([3, 2, 1, 0]);
    await module.close();
  });

  const canWait = placement !== "process" ? test : undefined;
  canWait?.("in a synchronous call they must answer at once", async () => {
    const functions = { now: (value: number) => value * 2, later: async () => 1 };
    const source = "const f = async (name) => await host.call(name, 21).catch((error) => error.name)";
    await using module = await load(source, functions, 1);
    expect(module.invokeSync("f", '"now"')).toBe("42");
    expect(module.invokeSync("f", '"later"')).toBe('"UnsupportedError"');
    expect(await module.call("f", "later")).toBe(1);
  });

  test("a thousand overlapping calls are all answered, each with its own value", async () => {
    const later = async (value: number) => {
      await setImmediate();
      return value + 1;
    };
    await using module = await load("const f = async (n) => await host.call('later', await host.call('later', n))", {
      later,
    });
    const answers = await Promise.all(Array.from({ length: 1000 }, (_, i) => module.call("f", i)));
    expect(answers).toEqual(Array.from({ length: 1000 }, (_, i) => i + 2));
  });
});
