import { describe, expect, it } from "vitest";
import { createRuntime, type Engine } from "../src/engine.ts";
import { ExtensionError, ExtensionHost, type Policy, type RuntimeOptions } from "../src/index.ts";
import { fakeEngine, fakeExtension } from "./fake-engine.ts";

/** The message of what `act` rejects with. */
async function messageOf(act: () => Promise<unknown>): Promise<string> {
  const error = await act().then(
    () => expect.fail("it must fail"),
    (error: Error) => error,
  );
  // A log that shows the stack alone says it too.
  expect(error.stack).toContain(error.message);
  return error.message;
}

interface Setup {
  readonly manifest?: Record<string, number>;
  readonly load?: Record<string, number>;
  readonly runtime?: RuntimeOptions;
  readonly engine?: Engine;
}

function load({ manifest = {}, load, runtime, engine = fakeEngine() }: Setup) {
  return createRuntime(engine, runtime).load(fakeExtension("example", manifest), { limits: load });
}

describe("an error about a limit", () => {
  it.each<[string, Setup, { timeoutMs?: number }, RegExp]>([
    ["the manifest", { manifest: { timeoutMs: 1 } }, {}, /limits\.timeoutMs of 1, set by its manifest: raise it/],
    ["the load", { load: { timeoutMs: 2 }, manifest: { timeoutMs: 9 } }, {}, /of 2, set by the host that loads it/],
    ["the runtime", { runtime: { limits: { timeoutMs: 3 } } }, {}, /of 3, set by the options of its runtime/],
    ["the call", { manifest: { timeoutMs: 60_000 } }, { timeoutMs: 4 }, /\(timeoutMs of 4, set by the call: raise it/],
  ])("says its value, that %s set it, and the remedy", async (_, setup, options, told) => {
    const module = await load(setup);
    expect(await messageOf(() => module.invoke("wait", "1", options))).toMatch(told);
  });

  it("says so of the host's policy, and of a default", async () => {
    const policy: Policy = { limits: { timeoutMs: 5, resultBytes: 20 } };
    const host = new ExtensionHost({ runtimes: [createRuntime(fakeEngine())], policy });
    const module = await host.load(fakeExtension("example", { resultBytes: 10 }));
    expect(await messageOf(() => module.invoke("wait", "1"))).toMatch(/timeoutMs of 5, set by the host's policy/);
    const long = JSON.stringify("x".repeat(10));
    expect(await messageOf(() => module.invoke("echo", long))).toMatch(/resultBytes of 10, set by its manifest/);
    const other = await host.load(fakeExtension("other"));
    const longer = JSON.stringify("x".repeat(20));
    expect(await messageOf(() => other.invoke("echo", longer))).toMatch(/resultBytes of 20, set by the host's policy/);
    const deep = "[".repeat(2000) + "]".repeat(2000);
    const free = await load({});
    const call = () => free.call("echo", JSON.parse(deep));
    expect(await messageOf(call)).toMatch(/limits\.jsonDepth of 1000, the default/);
  });

  it("is told once, and not of a top level's time as of a call's", async () => {
    const engine = fakeEngine();
    const limits = { timeoutMs: 60_000, loadTimeoutMs: 7_000 };
    const module = await createRuntime(engine).load(fakeExtension(), { limits, lazy: true });
    engine.failNext = new ExtensionError("ERR_EXT_TIMEOUT", "its top level did not end");
    const message = await messageOf(() => module.invoke("echo", "1"));
    expect(message).toMatch(/did not end \(limits\.loadTimeoutMs of 7000, set by the host that loads it/);
    expect(message.match(/set by/g)).toHaveLength(1);
  });

  it("that nothing keeps is refused with who set it and where it would be kept", async () => {
    const free = { capabilities: { deadline: false, signal: false, memoryLimit: false } } as const;
    const refused = async (setup: Setup) => messageOf(() => load({ engine: fakeEngine(free), ...setup }));
    expect(await refused({ manifest: { timeoutMs: 5 } })).toMatch(
      /cannot keep limits\.timeoutMs of 5, set by its manifest, at placement inline .*deadline is false.*leave it out/,
    );
    expect(await refused({ load: { memoryMb: 6 } })).toMatch(/limits\.memoryMb of 6, set by the host that loads it/);
    const module = await load({ engine: fakeEngine(free) });
    expect(await messageOf(() => module.invoke("echo", "1", { timeoutMs: 8 }))).toMatch(/the call's timeoutMs of 8/);
  });
});

describe("a module", () => {
  it("has its manifest, what its engine promises and the limits as they apply", async () => {
    const module = await load({
      manifest: { timeoutMs: 50, maxQueue: 3, resultBytes: 100 },
      load: { maxQueue: 4 },
      runtime: { limits: { timeoutMs: 70, maxInstances: 2 } },
    });
    expect(module.manifest).toMatchObject({ name: "example", version: "1.2.3", limits: { maxQueue: 3 } });
    expect(module.capabilities).toMatchObject({ deadline: "hard", languages: ["none"] });
    expect(module.limits).toEqual({
      ...{ timeoutMs: 50, loadTimeoutMs: 30_000, memoryMb: undefined, maxInstances: 2, maxQueue: 4 },
      ...{ payloadBytes: 64 << 20, resultBytes: 100, jsonValues: 500_000, jsonDepth: 1000, errorChars: 16_384 },
      ...{ lineChars: 16_384, logChars: 262_144, hostCallBytes: 16 << 20, waitingCalls: 1000, waitingBytes: 64 << 20 },
    });
    for (const told of [module.manifest, module.manifest.limits, module.capabilities, module.limits])
      expect(Object.isFrozen(told)).toBe(true);
  });
});
