import { afterEach, describe, expect, it } from "vitest";
import { CallClock, Times } from "../src/call/call-times.ts";
import { createRuntime } from "../src/engine.ts";
import { type ExtensionFiles, ExtensionHost, type Module, native, type Runtime } from "../src/index.ts";
import { fakeEngine, fakeExtension, turn } from "./fake-engine.ts";

const open: { close(options: { abort: true }): Promise<void> }[] = [];
afterEach(() => Promise.all(open.splice(0).map((each) => each.close({ abort: true }))));

async function fake(options: Parameters<typeof fakeEngine>[0] = {}, limits = {}) {
  const engine = fakeEngine(options);
  const runtime = createRuntime(engine);
  open.push(runtime);
  return { engine, module: await runtime.load(fakeExtension("m"), { limits }) };
}

function script(body: string, name = "one"): ExtensionFiles {
  return {
    manifest: { name, runtime: "native", module: "main.js", exports: ["run"], permissions: ["look"] },
    files: { "main.js": `export function run(value, { host }) { ${body} }` },
  };
}

/** A module of native code, and what its host function saw each time. */
async function looking(body: string, top = ""): Promise<{ module: Module; seen: unknown[] }> {
  const seen: unknown[] = [];
  const runtime: Runtime = native();
  open.push(runtime);
  let module: Module | undefined;
  const source = script(body);
  const files = { "main.js": `${top}\n${(source.files as Record<string, string>)["main.js"]}` };
  module = await runtime.load(
    { ...source, files },
    { hostFunctions: { look: () => void seen.push(module?.stats()) }, lazy: true },
  );
  return { module, seen };
}

describe("instances", () => {
  it("one that is still being made is not counted", async () => {
    const { module } = await fake();
    const first = module.invoke("wait", "1");
    const second = module.invoke("wait", "1");
    expect(module.stats()).toMatchObject({ instances: 1, instancesCreated: 1, busy: 1, running: 1, queued: 1 });
    await turn();
    expect(module.stats()).toMatchObject({ instances: 2, instancesCreated: 2, busy: 2, running: 2, queued: 0 });
    void Promise.allSettled([first, second]);
  });

  it("one that failed to be made never was", async () => {
    const { engine, module } = await fake({}, { maxInstances: 2 });
    const first = module.invoke("wait", "1").catch(() => {});
    engine.failNext = new Error("no room");
    const second = module.invoke("wait", "1").catch(() => {});
    await turn();
    expect(module.stats()).toMatchObject({ instances: 1, instancesCreated: 1, busy: 1 });
    void Promise.allSettled([first, second]);
  });

  it("a guest that looks from inside sees itself", async () => {
    const { module, seen } = await looking("return host.call('look', null);");
    await module.call("run", 1);
    expect(seen).toMatchObject([{ instances: 1, instancesCreated: 1, busy: 1, running: 1 }]);
    expect(module.stats()).toMatchObject({ instances: 1, busy: 0, running: 0 });
  });

  it("those that broke count as replaced, and crashes as such", async () => {
    const { engine, module } = await fake({ sync: true });
    await expect(module.invoke("crash", "1")).rejects.toMatchObject({ code: "ERR_EXT_CRASHED" });
    engine.brokenInstances.add(1);
    await module.invoke("echo", "1");
    await module.invoke("echo", "1");
    expect(module.stats()).toMatchObject({
      ...{ calls: 3, failures: 1, crashes: 1, timeouts: 0 },
      ...{ instances: 1, instancesCreated: 3, instancesReplaced: 2, busy: 0 },
    });
  });
});

describe("calls", () => {
  it("one that the full queue refused is no failure of an accepted one", async () => {
    const { module } = await fake({}, { maxInstances: 1, maxQueue: 1 });
    const accepted = [module.invoke("wait", "1"), module.invoke("wait", "1")];
    await expect(module.invoke("wait", "1")).rejects.toMatchObject({ code: "ERR_EXT_BUSY" });
    expect(module.stats()).toMatchObject({ calls: 2, failures: 0, refused: 1, running: 1, queued: 1 });
    void Promise.allSettled(accepted);
  });

  it("bytes are of UTF-8", async () => {
    const { module } = await fake({ sync: true });
    await module.invoke("echo", '"é"');
    module.invokeSync("echo", '"€"');
    await module.invoke("fail", "12").catch(() => {});
    expect(module.stats()).toMatchObject({ payloadBytes: 4 + 5 + 2, resultBytes: 4 + 5 });
  });

  it("durations are those of calls, and waits those of the queue", async () => {
    const { engine, module } = await fake({}, { maxInstances: 1 });
    const calls = [module.invoke("wait", "1"), module.invoke("wait", "2")];
    const began = performance.now();
    while (performance.now() - began < 12) await turn();
    engine.open[0]!.resolve("1");
    await calls[0];
    while (engine.open.length === 0) await turn();
    expect(module.stats()).toMatchObject({ durations: { count: 1 }, waits: { count: 1 } });
    engine.open[0]!.resolve("2");
    await calls[1];
    const { durations, waits } = module.stats();
    expect(durations.count).toBe(2);
    for (const { p50, p99, max } of [durations, waits]) {
      expect(p50).toBeGreaterThan(11);
      expect(p99).toBeGreaterThanOrEqual(p50);
      expect(max).toBeGreaterThanOrEqual(p99);
    }
  });
});

describe("the measure of calls", () => {
  it("stands for all of them where they come fast, and is of each where they do not", () => {
    const clock = new CallClock();
    const times = new Times();
    const now = performance.now;
    let time = 1;
    performance.now = () => time;
    try {
      let measured = 0;
      const call = (ms: number, pause: number) => {
        const start = clock.begin();
        if (start !== 0) measured++;
        time += ms;
        times.end(start);
        time += pause;
      };
      for (let i = 0; i < 10; i++) call(5, 1);
      expect(measured).toBe(10);
      for (let i = 0; i < 100_000; i++) call(0.001, 0.001);
      expect(measured).toBeLessThan(2000);
      expect(times.summary()).toMatchObject({ count: 100_010, p50: expect.closeTo(0.001, 4), max: 5 });
      time += 20;
      for (let i = 0; i < 64; i++) call(0.001, 0);
      const before = measured;
      for (let i = 0; i < 300; i++) call(1, 1);
      expect(measured - before).toBeGreaterThan(200);
    } finally {
      performance.now = now;
    }
  });
});

describe("a host", () => {
  it("sums what its extensions count, those included that it replaced or closed", async () => {
    const host = new ExtensionHost({ runtimes: [native()], hostFunctions: { look: () => null } });
    open.push(host);
    await host.load(script("return value;"));
    await host.load(script("return value;", "two"));
    for (const name of ["one", "two", "two"]) await host.call(name, "run", 1);
    await host.replace(script("return value;"));
    await host.get("two")!.close();
    await host.call("one", "run", 1);
    await turn();
    expect(host.stats()).toMatchObject({
      ...{ extensions: 1, calls: 4, failures: 0, instances: 1, busy: 0, running: 0 },
      ...{ payloadBytes: 4, durations: { count: 4 } },
    });
    await host.load(script("return value;", "two"));
    expect(host.stats()).toMatchObject({ extensions: 2, calls: 4, durations: { count: 4 } });
  });
});
