import { describe, expect, it, vi } from "vitest";
import { createRuntime } from "../src/engine.ts";
import { InstanceBudget } from "../src/index.ts";
import { fakeEngine, fakeExtension, turn } from "./fake-engine.ts";

describe("the bound on live instances", () => {
  it("holds over many modules: the least recently used idle instance goes first", async () => {
    const engine = fakeEngine();
    const runtime = createRuntime(engine, { budget: new InstanceBudget({ maxInstances: 3 }) });
    const modules = [];
    for (let i = 0; i < 3; i++) modules.push(await runtime.load(fakeExtension(`m${i}`)));
    await modules[0]!.invoke("echo", "1");
    modules.push(await runtime.load(fakeExtension("m3")));
    expect(engine.closed).toEqual([1]);
    expect(modules.map((module) => module.stats().instances)).toEqual([1, 0, 1, 1]);
    expect(await modules[1]!.invoke("echo", "1")).toBe("1");
    expect(engine.closed).toEqual([1, 2]);
  });

  it("lets ten thousand modules be loaded where fifty are hot", async () => {
    const budget = new InstanceBudget({ maxInstances: 50 });
    const engine = fakeEngine({ sync: true });
    const runtime = createRuntime(engine, { budget });
    const modules = await Promise.all(
      Array.from({ length: 10_000 }, (_, i) => runtime.load(fakeExtension(`m${i}`), { lazy: true })),
    );
    expect(budget.live).toBe(0);
    for (let round = 0; round < 3; round++)
      for (const module of modules.slice(round * 1000, round * 1000 + 50)) await module.invoke("echo", "1");
    await Promise.all(modules.map((module) => module.invoke("echo", "1")));
    expect(budget.live).toBe(50);
    await runtime.close();
    expect([budget.live, engine.closed.length]).toEqual([0, engine.made.length]);
  });

  it("makes a module wait when all are busy, and serves it in turn", async () => {
    const engine = fakeEngine();
    const runtime = createRuntime(engine, { budget: new InstanceBudget({ maxInstances: 1 }) });
    const a = await runtime.load(fakeExtension("a"));
    const b = await runtime.load(fakeExtension("b"), { lazy: true });
    const first = a.invoke("wait", "1");
    const second = b.invoke("echo", "2");
    expect(() => b.invokeSync("echo", "3")).toThrow(expect.objectContaining({ code: "ERR_EXT_BUSY" }));
    await turn();
    expect(b.stats()).toMatchObject({ queued: 1, instances: 0 });
    engine.open[0]!.resolve("1");
    expect([await first, await second]).toEqual(["1", "2"]);
  });

  it("does not starve a module while another is never idle", async () => {
    const engine = fakeEngine();
    const runtime = createRuntime(engine, { budget: new InstanceBudget({ maxInstances: 1 }) });
    const greedy = await runtime.load(fakeExtension("greedy"));
    const modest = await runtime.load(fakeExtension("modest"), { lazy: true });
    const greedyCalls = Array.from({ length: 100 }, () => greedy.invoke("wait", "1"));
    let served = false;
    const served1 = modest.invoke("echo", "2").then(() => {
      served = true;
    });
    for (let i = 0; i < 5 && !served; i++) {
      engine.open[0]?.resolve("1");
      await turn();
    }
    expect(served).toBe(true);
    await served1;
    while (engine.open.length > 0 || greedy.stats().queued > 0) {
      engine.open[0]?.resolve("1");
      await turn();
    }
    await Promise.all(greedyCalls);
  });

  it("releases instances that stay idle, after a while, and keeps busy ones", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    try {
      const engine = fakeEngine();
      const runtime = createRuntime(engine, { budget: new InstanceBudget({ idleMs: 1000 }) });
      const module = await runtime.load(fakeExtension());
      const other = await runtime.load(fakeExtension("busy"));
      const busy = other.invoke("wait", "1");
      vi.advanceTimersByTime(1000);
      await module.invoke("echo", "1");
      vi.advanceTimersByTime(1000);
      expect(engine.closed).toEqual([]);
      vi.advanceTimersByTime(1000);
      expect(engine.closed).toEqual([0]);
      expect(await module.invoke("echo", "1")).toBe("1");
      engine.open[0]!.resolve("1");
      await busy;
    } finally {
      vi.useRealTimers();
    }
  });

  it("must be a positive integer", () => {
    expect(() => new InstanceBudget({ maxInstances: 0 })).toThrow(TypeError);
    expect(() => new InstanceBudget({ idleMs: 1.5 })).toThrow(TypeError);
  });
});
