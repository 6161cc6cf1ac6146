import { describe, expect, it } from "vitest";
import { createRuntime } from "../src/engine.ts";
import { ExtensionError, type Logger, type Module } from "../src/index.ts";
import { type FakeEngine, fakeEngine, fakeExtension, turn } from "./fake-engine.ts";

async function load(engine: FakeEngine, limits: Record<string, number> = {}): Promise<Module> {
  return createRuntime(engine).load(fakeExtension("example", limits));
}

describe("a call", () => {
  it("carries text in and out", async () => {
    const module = await load(fakeEngine());
    expect(await module.invoke("echo", '"a"')).toBe('"a"');
    expect(module.invokeSync("echo", '"a"')).toBe('"a"');
    expect(await module.call("echo", { a: [1] })).toEqual({ a: [1] });
    expect(await module.call("echo")).toBeNull();
    expect(module).toMatchObject({ name: "example", version: "1.2.3", runtime: "fake", closed: false });
  });

  it("to an undeclared function is refused, inherited names included", async () => {
    const module = await load(fakeEngine());
    for (const fn of ["missing", "", "constructor", "__proto__", "toString"]) {
      const refused = { code: "ERR_EXT_UNKNOWN_FUNCTION", extension: "example", function: fn };
      await expect(module.invoke(fn, "1")).rejects.toMatchObject(refused);
      expect(() => module.invokeSync(fn, "1")).toThrow(ExtensionError);
    }
    await expect(module.invoke("missing", "1")).rejects.toThrow(
      "example.missing: its manifest does not export such a function; it exports echo, fail, crash, wait",
    );
  });

  it("with arguments of the wrong type is a TypeError", async () => {
    const module = await load(fakeEngine());
    await expect(module.invoke("echo", { a: 1 } as never)).rejects.toThrow(TypeError);
    await expect(module.invoke(undefined as never, "1")).rejects.toThrow(TypeError);
    expect(() => module.invokeSync("echo", Buffer.from("1") as never)).toThrow(TypeError);
    await expect(module.call("echo", () => {})).rejects.toThrow(/a function cannot be sent as JSON/);
    for (const timeoutMs of [0, -1, Number.NaN, 2 ** 31, "5" as never])
      await expect(module.invoke("echo", "1", { timeoutMs })).rejects.toThrow(TypeError);
  });

  it("whose result is not JSON is ERR_EXT_BAD_RESULT from call", async () => {
    const module = await load(fakeEngine());
    const answer = module.call("wait");
    await turn();
    expect(module.stats().running).toBe(1);
    await expect(module.invoke("echo", "not json")).resolves.toBe("not json");
    await module.close({ abort: true });
    await expect(answer).rejects.toMatchObject({ code: "ERR_EXT_CLOSED" });
  });

  it("keeps an engine's ExtensionError and says where it happened, once", async () => {
    const module = await load(fakeEngine());
    await expect(module.invoke("fail", "1")).rejects.toMatchObject({
      code: "ERR_EXT_GUEST",
      message: "example.fail: it failed",
      extension: "example",
      function: "fail",
      stack: expect.stringContaining("example.fail: it failed"),
    });
  });

  it("that the engine fails in an unforeseen way is a crash, and costs the instance", async () => {
    const engine = fakeEngine({ sync: true });
    const module = await load(engine);
    const crashed = { code: "ERR_EXT_CRASHED", cause: expect.any(RangeError) };
    await expect(module.invoke("crash", "1")).rejects.toMatchObject(crashed);
    expect(() => module.invokeSync("crash", "1")).toThrow(expect.objectContaining(crashed));
    expect(engine.closed).toEqual([0, 1]);
    expect(await module.invoke("echo", "1")).toBe("1");
  });

  it("on an instance that the engine calls broken is the last one there", async () => {
    const engine = fakeEngine();
    const module = await load(engine);
    engine.brokenInstances.add(0);
    await module.invoke("echo", "1");
    expect(engine.closed).toEqual([0]);
    await module.invoke("echo", "1");
    expect(engine.made).toEqual([0, 1]);
  });

  it("counts", async () => {
    const module = await load(fakeEngine());
    await module.invoke("echo", "1");
    module.invokeSync("echo", "1");
    await module.invoke("fail", "1").catch(() => {});
    await module.invoke("missing", "1").catch(() => {});
    expect(module.stats()).toMatchObject({
      calls: 3,
      failures: 1,
      timeouts: 0,
      running: 0,
      queued: 0,
      instances: 1,
      instancesCreated: 1,
    });
  });
});

describe("overlapping calls", () => {
  it("never share an instance, are served in order, and wait for a pool of four", async () => {
    const engine = fakeEngine();
    const module = await load(engine);
    const order: number[] = [];
    const calls = Array.from({ length: 1000 }, (_, i) =>
      module.invoke("wait", String(i)).then((text) => order.push(Number(text))),
    );
    await turn();
    expect(engine.made.length).toBe(4);
    expect(module.stats()).toMatchObject({ running: 4, queued: 996, instances: 4 });
    while (engine.open.length > 0) {
      expect(engine.open.length).toBeLessThanOrEqual(4);
      const [first] = engine.open;
      first!.resolve(first!.payload);
      await turn();
    }
    await Promise.all(calls);
    expect(order).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(module.stats()).toMatchObject({ calls: 1000, failures: 0, running: 0, queued: 0 });
  });

  it("drain a long queue of calls that end at once without growing the stack", async () => {
    const engine = fakeEngine();
    const module = await createRuntime(engine).load(fakeExtension("example", { maxInstances: 1 }));
    const first = module.invoke("wait", "1");
    const rest = Array.from({ length: 10_000 }, (_, i) => module.invoke("echo", String(i)));
    expect(module.stats().queued).toBe(10_000);
    await expect(module.invoke("echo", "1")).rejects.toMatchObject({ code: "ERR_EXT_BUSY" });
    engine.open[0]!.resolve("1");
    expect(await Promise.all(rest)).toHaveLength(10_000);
    await first;
  });

  it("that were given up while they were sent ahead do not count as waiting, though the engine has yet to end them", async () => {
    const engine = fakeEngine({ sync: true });
    const ends: ((answer: string) => void)[] = [];
    const instance = { ahead: 3, invoke: () => new Promise<string>((resolve) => ends.push(resolve)), close() {} };
    engine.compile = () => ({ instantiate: () => instance, close() {} });
    const module = await createRuntime(engine).load(fakeExtension("example", { maxInstances: 1 }));
    const controller = new AbortController();
    const { signal } = controller;
    const given = [module.invoke("wait", "1", { signal }), module.invoke("wait", "2", { signal })];
    const kept = module.invoke("wait", "3");
    expect(module.stats()).toMatchObject({ running: 1, queued: 2 });
    controller.abort();
    expect((await Promise.allSettled(given)).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(module.stats()).toMatchObject({ running: 1, queued: 1 });
    for (const end of ends) end("1");
    await kept;
    expect(module.stats()).toMatchObject({ running: 0, queued: 0 });
  });

  it("past the queue's bound fail at once", async () => {
    const engine = fakeEngine();
    const module = await load(engine, { maxInstances: 1, maxQueue: 2 });
    const accepted = [module.invoke("wait", "1"), module.invoke("echo", "2"), module.invoke("echo", "3")];
    await expect(module.invoke("echo", "4")).rejects.toMatchObject({
      code: "ERR_EXT_BUSY",
      message:
        "example.echo: every instance is busy and the queue of 2 is full; raise limits.maxQueue or limits.maxInstances, or call less at a time (limits.maxQueue of 2, set by its manifest)",
    });
    expect(() => module.invokeSync("echo", "5")).toThrow(/every instance is busy, and a synchronous call cannot wait/);
    engine.open[0]!.resolve("1");
    expect(await Promise.all(accepted)).toEqual(["1", "2", "3"]);
    expect(await module.invoke("echo", "6")).toBe("6");
  });

  it("with a queue of none still make instances", async () => {
    const module = await createRuntime(fakeEngine()).load(fakeExtension("example", { maxQueue: 0, maxInstances: 2 }), {
      lazy: true,
    });
    expect(await Promise.all([module.invoke("echo", "1"), module.invoke("echo", "2")])).toEqual(["1", "2"]);
  });

  it("make no more instances than calls want", async () => {
    const engine = fakeEngine();
    const module = await createRuntime(engine).load(fakeExtension(), { lazy: true });
    await Promise.all([module.invoke("echo", "1"), module.invoke("echo", "2")]);
    expect(engine.made.length).toBe(2);
    await Promise.all(Array.from({ length: 100 }, () => module.invoke("echo", "1")));
    expect(engine.made.length).toBeLessThanOrEqual(4);
  });

  it("each learn what kept an instance from being made, and the next attempt goes on", async () => {
    for (const sync of [true, false]) {
      const engine = fakeEngine({ sync });
      const module = await createRuntime(engine).load(fakeExtension("example", { maxInstances: 1 }), { lazy: true });
      engine.failNext = new ExtensionError("ERR_EXT_GUEST", "top level threw");
      const answers = await Promise.allSettled([
        module.invoke("echo", "1"),
        module.invoke("echo", "2"),
        module.invoke("echo", "3"),
      ]);
      expect(answers.map((answer) => answer.status)).toEqual(["rejected", "fulfilled", "fulfilled"]);
      expect(answers[0]).toMatchObject({ reason: { code: "ERR_EXT_GUEST", message: "example.echo: top level threw" } });
      expect(module.stats()).toMatchObject({ instances: 1, running: 0, queued: 0 });
    }
  });
});

describe("a synchronous call", () => {
  it("makes an instance on demand where the engine can do so at once", async () => {
    const module = await createRuntime(fakeEngine({ sync: true })).load(fakeExtension(), { lazy: true });
    expect(module.invokeSync("echo", "1")).toBe("1");
  });

  it("says so where the engine cannot", async () => {
    const module = await createRuntime(fakeEngine()).load(fakeExtension(), { lazy: true });
    expect(() => module.invokeSync("echo", "1")).toThrow(/first instance is still being made; call invoke once before/);
    await turn();
    expect(module.invokeSync("echo", "1")).toBe("1");
  });

  it("to a guest that answers later is refused, and holds the instance until it has", async () => {
    const engine = fakeEngine();
    const module = await load(engine, { maxInstances: 1 });
    expect(() => module.invokeSync("wait", "1")).toThrow(/the function is asynchronous; use invoke/);
    expect(module.stats().running).toBe(1);
    engine.open[0]!.resolve("1");
    await turn();
    expect(module.invokeSync("echo", "1")).toBe("1");
  });

  it("is refused by a runtime without them", async () => {
    const module = await load(fakeEngine({ capabilities: { sync: false } }));
    expect(() => module.invokeSync("echo", "1")).toThrow(expect.objectContaining({ code: "ERR_EXT_UNSUPPORTED" }));
  });
});

describe("closing", () => {
  it("refuses new calls, lets accepted ones end, and frees everything once", async () => {
    const engine = fakeEngine();
    const module = await load(engine, { maxInstances: 1 });
    const accepted = [module.invoke("wait", "1"), module.invoke("echo", "2")];
    let closed = false;
    const closing = module.close().then(() => {
      closed = true;
    });
    await expect(module.invoke("echo", "3")).rejects.toMatchObject({
      code: "ERR_EXT_CLOSED",
      message: "example.echo: the module is closed",
    });
    expect(() => module.invokeSync("echo", "3")).toThrow(/is closed/);
    await turn();
    expect(closed).toBe(false);
    expect(engine.closed).toEqual([]);
    engine.open[0]!.resolve("1");
    expect(await Promise.all(accepted)).toEqual(["1", "2"]);
    await Promise.all([closing, module.close(), module.close({ abort: true })]);
    expect([engine.closed, engine.programsClosed, module.closed]).toEqual([[0], 1, true]);
  });

  it("with abort stops what runs and drops what waits", async () => {
    const engine = fakeEngine();
    const module = await load(engine, { maxInstances: 1 });
    const calls = Promise.allSettled([module.invoke("wait", "1"), module.invoke("wait", "2")]);
    await module.close({ abort: true });
    for (const call of await calls) expect(call).toMatchObject({ reason: { code: "ERR_EXT_CLOSED" } });
    expect([engine.aborted, engine.closed, engine.programsClosed]).toEqual([[0], [0], 1]);
  });

  it("with abort does not wait for a guest that nothing can stop", async () => {
    const engine = fakeEngine({ capabilities: { deadline: false, signal: false } });
    const module = await load(engine, { maxInstances: 1 });
    const call = module.invoke("wait", "1");
    const [open] = engine.open;
    open!.reject = () => {};
    const answer = expect(call).rejects.toMatchObject({ code: "ERR_EXT_CLOSED" });
    await module.close({ abort: true });
    await answer;
    expect(engine.closed).toEqual([]);
    open!.resolve("1");
    await module.close();
    expect([engine.closed, engine.programsClosed]).toEqual([[0], 1]);
  });

  it("waits for an instance that is being made", async () => {
    const engine = fakeEngine();
    const module = await createRuntime(engine).load(fakeExtension(), { lazy: true });
    const call = module.invoke("echo", "1");
    await module.close();
    expect(await call).toBe("1");
    expect(engine.closed).toEqual([0]);
  });

  it("works with await using", async () => {
    const engine = fakeEngine();
    {
      await using runtime = createRuntime(engine);
      await using module = await runtime.load(fakeExtension());
      await module.invoke("echo", "1");
    }
    expect([engine.programsClosed, engine.closes]).toEqual([1, 1]);
  });

  it("of a runtime closes its modules, and refuses loads", async () => {
    const engine = fakeEngine();
    const runtime = createRuntime(engine);
    const module = await runtime.load(fakeExtension());
    const late = runtime.load(fakeExtension("late"));
    await Promise.all([runtime.close(), runtime.close()]);
    expect([module.closed, (await late).closed, engine.programsClosed, engine.closes]).toEqual([true, true, 2, 1]);
    await expect(runtime.load(fakeExtension())).rejects.toMatchObject({ code: "ERR_EXT_CLOSED" });
  });
});

describe("loading", () => {
  it("takes an alias, and refuses another runtime's extension", async () => {
    const runtime = createRuntime(fakeEngine());
    const { manifest, files } = fakeExtension();
    await runtime.load({ manifest: { ...manifest, runtime: "fictive" }, files });
    await expect(runtime.load({ manifest: { ...manifest, runtime: "other" }, files })).rejects.toMatchObject({
      code: "ERR_EXT_UNKNOWN_RUNTIME",
    });
  });

  it("fails with what the top level throws, and leaves nothing open", async () => {
    const engine = fakeEngine();
    engine.failNext = new ExtensionError("ERR_EXT_GUEST", "top level threw");
    await expect(createRuntime(engine).load(fakeExtension())).rejects.toMatchObject({
      code: "ERR_EXT_GUEST",
      message: "example: top level threw",
    });
    expect(engine.programsClosed).toBe(1);
    engine.failNext = new RangeError("bug");
    await expect(createRuntime(engine).load(fakeExtension())).rejects.toMatchObject({
      code: "ERR_EXT_CRASHED",
      cause: expect.any(RangeError),
    });
  });

  it("refuses what it cannot give: placements and permissions", async () => {
    const runtime = createRuntime(fakeEngine());
    const { manifest, files } = fakeExtension();
    await expect(runtime.load({ manifest: { ...manifest, placement: "process" }, files })).rejects.toMatchObject({
      code: "ERR_EXT_UNSUPPORTED",
    });
    const asking = { manifest: { ...manifest, permissions: ["kv.get", "kv.set"] }, files };
    for (const hostFunctions of [
      undefined,
      {},
      { "kv.get": () => 1 },
      Object.create({ "kv.get": () => 1, "kv.set": 1 }),
    ])
      await expect(runtime.load(asking, { hostFunctions })).rejects.toMatchObject({
        code: "ERR_EXT_DENIED",
        message: expect.stringContaining("kv.set"),
      });
    const deaf = createRuntime(fakeEngine({ capabilities: { hostFunctions: false } }));
    const hostFunctions = { "kv.get": () => 1, "kv.set": () => 2 };
    await expect(deaf.load(asking, { hostFunctions })).rejects.toMatchObject({ code: "ERR_EXT_UNSUPPORTED" });
    expect(() => createRuntime(fakeEngine(), { placement: "thread" })).toThrow(/runs inline only/);
    expect(() => createRuntime({ ...fakeEngine(), engineVersion: 1 as never })).toThrow(TypeError);
  });

  it("says of a stand-in why its engine is not there", async () => {
    const runtime = createRuntime({ ...fakeEngine(), unavailable: "no such luck" });
    await expect(runtime.load(fakeExtension())).rejects.toMatchObject({
      code: "ERR_EXT_UNSUPPORTED",
      message: "example: no such luck",
    });
  });

  it("takes the pool's size from the environment, and refuses one that is none", () => {
    const engine = { ...fakeEngine(), pool: { env: "EXTRUNTIME_TEST_POOL_SIZE", size: 4 } };
    for (const value of ["0", "-1", "abc", "1.5", ""]) {
      process.env.EXTRUNTIME_TEST_POOL_SIZE = value;
      expect(() => createRuntime(engine)).toThrow(
        `EXTRUNTIME_TEST_POOL_SIZE must be a positive integer, and is ${JSON.stringify(value)}`,
      );
    }
    delete process.env.EXTRUNTIME_TEST_POOL_SIZE;
    createRuntime(engine);
  });

  it("gives guest output to the logger, cut to a bound, and survives a logger that throws", async () => {
    const lines: [string, string, object][] = [];
    const logger: Logger = {
      info: (message, fields) => void lines.push(["info", message, fields]),
      warn: () => {
        throw new Error("full disk");
      },
    };
    const engine = {
      ...fakeEngine(),
      compile: (_: unknown, context: { log(level: "info" | "warn" | "debug", message: string): void }) => {
        context.log("info", "hello");
        context.log("info", "x".repeat(1e6));
        context.log("warn", "dropped");
        context.log("debug", "dropped");
        return fakeEngine().compile(undefined as never, undefined as never);
      },
    };
    await createRuntime(engine, { logger }).load(fakeExtension());
    expect(lines.map(([, message]) => message.length)).toEqual([5, 16_391]);
    expect(lines[0]).toEqual(["info", "hello", { extension: "example", version: "1.2.3", runtime: "fake" }]);
  });
});
