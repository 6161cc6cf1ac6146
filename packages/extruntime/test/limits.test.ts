import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { createRuntime } from "../src/engine.ts";
import type { Module } from "../src/index.ts";
import { type FakeEngine, fakeEngine, fakeExtension } from "./fake-engine.ts";

async function load(engine: FakeEngine, limits: Record<string, number> = {}): Promise<Module> {
  return createRuntime(engine).load(fakeExtension("example", limits));
}

describe("limits", () => {
  it("answer the caller of a running call, and hold the instance until the engine has stopped", async () => {
    const engine = fakeEngine();
    const module = await load(engine, { maxInstances: 1 });
    const controller = new AbortController();
    const call = module.invoke("wait", "1", { signal: controller.signal });
    const next = module.invoke("echo", "2");
    const reason = new Error("the caller left");
    controller.abort(reason);
    await expect(call).rejects.toBe(reason);
    expect(engine.aborted).toEqual([0]);
    expect(await next).toBe("2");
  });

  it("take a waiting call out of the queue", async () => {
    const engine = fakeEngine();
    const module = await load(engine, { maxInstances: 1 });
    const running = module.invoke("wait", "1");
    const controller = new AbortController();
    const waiting = module.invoke("wait", "2", { signal: controller.signal });
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
    expect(module.stats().queued).toBe(0);
    await expect(module.invoke("wait", "3", { timeoutMs: 1 })).rejects.toMatchObject({
      code: "ERR_EXT_TIMEOUT",
      function: "wait",
    });
    expect(engine.aborted).toEqual([]);
    engine.open[0]!.resolve("1");
    expect(await running).toBe("1");
    expect(module.stats()).toMatchObject({ calls: 3, failures: 2, timeouts: 1, running: 0 });
  });

  it("of the manifest and the host apply to every call", async () => {
    for (const load of [
      () => createRuntime(fakeEngine()).load(fakeExtension("example", { timeoutMs: 1 })),
      () => createRuntime(fakeEngine(), { limits: { timeoutMs: 1 } }).load(fakeExtension()),
      () =>
        createRuntime(fakeEngine()).load(fakeExtension("example", { timeoutMs: 60_000 }), { limits: { timeoutMs: 1 } }),
    ]) {
      const module = await load();
      await expect(module.invoke("wait", "1")).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
      expect(module.stats().timeouts).toBe(1);
    }
  });

  it("are seen by the engine as a deadline", async () => {
    const engine = fakeEngine();
    const module = await load(engine);
    const before = performance.now();
    const call = module.invoke("wait", "1", { timeoutMs: 60_000 });
    expect(engine.open[0]!.call.deadline).toBeGreaterThanOrEqual(before + 60_000);
    engine.open[0]!.resolve("1");
    await call;
  });

  it("that have passed before the call are not run", async () => {
    const engine = fakeEngine();
    const module = await load(engine);
    await expect(module.invoke("wait", "1", { signal: AbortSignal.abort("why") })).rejects.toBe("why");
    expect(engine.open).toEqual([]);
  });

  it("that the engine cannot keep are refused where they are asked for", async () => {
    const engine = fakeEngine({ capabilities: { deadline: false, signal: false, memoryLimit: false } });
    const runtime = createRuntime(engine);
    const refused = { code: "ERR_EXT_UNSUPPORTED", message: expect.stringMatching(/^example/) };
    await expect(runtime.load(fakeExtension("example", { timeoutMs: 5 }))).rejects.toMatchObject(refused);
    await expect(runtime.load(fakeExtension("example", { memoryMb: 5 }))).rejects.toMatchObject(refused);
    const module = await runtime.load(fakeExtension());
    await expect(module.invoke("echo", "1", { timeoutMs: 5 })).rejects.toMatchObject(refused);
    await expect(module.invoke("echo", "1", { signal: new AbortController().signal })).rejects.toMatchObject(refused);
    expect(await module.invoke("echo", "1", {})).toBe("1");
  });

  it("leave no listener on a signal that lives on", async () => {
    const engine = fakeEngine();
    const module = await load(engine);
    const { signal } = new AbortController();
    let listeners = 0;
    signal.addEventListener = () => void listeners++;
    signal.removeEventListener = () => void listeners--;
    const call = module.invoke("wait", "1", { signal });
    expect(listeners).toBe(1);
    engine.open[0]!.resolve("1");
    await call;
    expect(listeners).toBe(0);
  });

  it("of many calls share one listener of their signal, and each is told", async () => {
    const warnings: Error[] = [];
    const note = (warning: Error) => void warnings.push(warning);
    process.on("warning", note);
    const module = await load(fakeEngine());
    const controller = new AbortController();
    const calls = Array.from({ length: 100 }, (_, i) => module.invoke("wait", `${i}`, { signal: controller.signal }));
    const listeners = getEventListeners(controller.signal, "abort").length;
    const outcomes = Promise.allSettled(calls);
    controller.abort("enough");
    expect(await outcomes).toEqual(calls.map(() => ({ status: "rejected", reason: "enough" })));
    await new Promise(setImmediate);
    process.off("warning", note);
    expect(listeners).toBe(1);
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
    expect(warnings).toEqual([]);
  });
});
