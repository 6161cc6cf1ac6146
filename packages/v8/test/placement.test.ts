import { ExtensionHost, strangers } from "extruntime";
import { describe, expect, test } from "vitest";
import { fixture } from "../../../fixtures/index.js";
// Built: a process imports it by itself.
import { v8 } from "../dist/index.js";

const source = {
  manifest: {
    name: "guest",
    runtime: "v8",
    module: "guest.js",
    exports: ["echo", "wedge", "giant", "spin", "soon", "never"],
  },
  files: {
    "guest.js": `
      function echo(value) { return value; }
      function wedge() { return "a".repeat(2 ** 28).indexOf("a".repeat(2 ** 17) + "b"); }
      function giant() { return new Array(2 ** 27).fill(1.5).length; }
      function spin() { for (;;); }
      async function soon(value) { await null; return value; }
      function never() { return new Promise(() => {}); }`,
  },
};

test("a policy for strangers, who may not hold the caller's thread, places it in a process", async () => {
  const runtime = v8();
  const host = new ExtensionHost({ runtimes: [runtime], policy: strangers() });
  const module = await host.load({
    manifest: { name: "g", runtime: "v8", module: "g.js", exports: ["f"] },
    files: { "g.js": "function f(value) { return value }" },
  });
  expect([module.placement, module.capabilities.deadline]).toEqual(["process", "hard"]);
  await host.close({ abort: true });
  await runtime.close({ abort: true });
});

test("a worker thread is refused, with what to do instead", () => {
  expect(() => v8({ placement: "thread" })).toThrow(
    expect.objectContaining({ code: "ERR_EXT_UNSUPPORTED", message: expect.stringMatching(/place it in a process/) }),
  );
});

test("a process serves it, a manifest's word for a thread is refused there, and the next load works", async () => {
  await using runtime = v8({ placement: "process", processes: { max: 1, spare: 0 } });
  const manifest = { ...source.manifest, placement: "thread" as const };
  const inThread = v8().load({ ...source, manifest });
  await expect(inThread).rejects.toMatchObject({ code: "ERR_EXT_UNSUPPORTED" });
  const module = await runtime.load(source);
  expect(await module.call("echo", 42)).toBe(42);
});

test("a process keeps its memory limit, and goes on", async () => {
  await using runtime = v8({ placement: "process" });
  expect(runtime.capabilities).toMatchObject({
    deadline: "hard",
    signal: "hard",
    crashIsolation: true,
    memoryLimit: true,
  });
  const module = await runtime.load(fixture("guests/v8/allocate"), { limits: { memoryMb: 16 } });
  for (let round = 0; round < 3; round++)
    await expect(module.call("allocate")).rejects.toMatchObject({ code: "ERR_EXT_MEMORY" });
});

describe.each([
  ["whose calls are unknown", 0],
  ["whose calls were short", 300],
])("a process with a guest %s", (_, before) => {
  async function loaded(limits = {}) {
    const runtime = v8({ placement: "process", processes: { max: 1 } });
    const module = await runtime.load(source, { limits });
    for (let i = 0; i < before; i++) await module.call("echo", i);
    return { module, [Symbol.asyncDispose]: () => runtime.close() };
  }

  test("outlives what V8 does not survive", async () => {
    await using guest = await loaded({ memoryMb: 16 });
    await expect(guest.module.call("giant")).rejects.toMatchObject({ code: "ERR_EXT_MEMORY" });
    expect(await guest.module.call("echo", 1)).toBe(1);
  });

  test("stops it deep inside V8, and answers the others", async () => {
    await using guest = await loaded();
    const wedged = guest.module.invoke("wedge", "null", { timeoutMs: 100 });
    const others = Array.from({ length: 200 }, (_, i) => guest.module.call("echo", i));
    await expect(wedged).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
    expect(await Promise.all(others)).toEqual(Array.from({ length: 200 }, (_, i) => i));
  });

  test("stops it where it never rests, and it serves on", async () => {
    await using guest = await loaded();
    await expect(guest.module.invoke("spin", "null", { timeoutMs: 100 })).rejects.toMatchObject({
      code: "ERR_EXT_TIMEOUT",
    });
    expect(await guest.module.call("echo", 1)).toBe(1);
    const spinning = expect(guest.module.call("spin")).rejects.toMatchObject({ code: "ERR_EXT_CLOSED" });
    await guest.module.close({ abort: true });
    await spinning;
  });

  test("awaits what it promises", async () => {
    await using guest = await loaded();
    const calls = Array.from({ length: 500 }, (_, i) => guest.module.call(i % 3 === 0 ? "soon" : "echo", i));
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 500 }, (_, i) => i));
    await expect(guest.module.call("never")).rejects.toMatchObject({
      code: "ERR_EXT_GUEST",
      message: expect.stringMatching(/can never settle/),
    });
  });
});
