import { expect, test } from "vitest";
import { fixture } from "../../../fixtures/index.js";
// Built: a process imports it by itself.
import { v8 } from "../dist/index.js";

const source = {
  manifest: { name: "guest", runtime: "v8", module: "guest.js", exports: ["echo", "wedge", "giant"] },
  files: {
    "guest.js": `
      function echo(value) { return value; }
      function wedge() { return "a".repeat(2 ** 28).indexOf("a".repeat(2 ** 17) + "b"); }
      function giant() { return new Array(2 ** 27).fill(1.5).length; }`,
  },
};

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
  expect(runtime.capabilities).toMatchObject({ supportsAbort: "hard", crashIsolation: true, memoryLimit: true });
  const module = await runtime.load(fixture("guests/v8/allocate"), { limits: { memoryMb: 16 } });
  for (let round = 0; round < 3; round++)
    await expect(module.call("allocate")).rejects.toMatchObject({ code: "ERR_EXT_MEMORY" });
});

test("a process outlives what V8 does not survive", async () => {
  await using runtime = v8({ placement: "process" });
  const module = await runtime.load(source, { limits: { memoryMb: 16 } });
  await expect(module.call("giant")).rejects.toMatchObject({ code: "ERR_EXT_MEMORY" });
  expect(await module.call("echo", 1)).toBe(1);
});

test("a process stops a guest deep inside V8, and answers the others", async () => {
  await using runtime = v8({ placement: "process" });
  const module = await runtime.load(source);
  const wedged = module.invoke("wedge", "null", { timeoutMs: 100 });
  const others = Array.from({ length: 200 }, (_, i) => module.call("echo", i));
  await expect(wedged).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
  expect(await Promise.all(others)).toEqual(Array.from({ length: 200 }, (_, i) => i));
});
