import { expect, test } from "vitest";
import { load } from "./guest.ts";

/** Prints each value that it starts with, and never ends for 0. */
const GUEST =
  "function f(v) { console.log(v); for (; v === 0; ); return v } async function g(v) { console.log(v); await null; for (; v === 0; ); return v }";
const short = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(String);

test.each(["f", "g"])(
  "calls that were sent behind one that never ends are answered by others, each run once: %s",
  async (fn) => {
    const lines: string[] = [];
    const logger = { info: (line: string) => void lines.push(line) };
    await using module = await load(GUEST, { exports: ["f", "g"], logger, manifest: { limits: { maxInstances: 2 } } });
    // So that it is known for short calls.
    for (let round = 0; round < 10; round++) await Promise.all(short.map((value) => module.invoke(fn, value)));
    lines.length = 0;
    const controller = new AbortController();
    const stuck = module.invoke(fn, "0", { signal: controller.signal }).catch(() => "stopped");
    expect(await Promise.all(short.map((value) => module.invoke(fn, value)))).toEqual(short);
    expect(await Promise.all(short.map((value) => module.invoke(fn, value)))).toEqual(short);
    controller.abort();
    expect(await stuck).toBe("stopped");
    expect(lines.toSorted()).toEqual(["0", ...short, ...short].toSorted());
  },
);

test.each(["f", "g"])(
  "calls that were sent behind one that is stopped are run by the next instance, each once: %s",
  async (fn) => {
    const lines: string[] = [];
    const logger = { info: (line: string) => void lines.push(line) };
    await using module = await load(GUEST, { exports: ["f", "g"], logger, manifest: { limits: { maxInstances: 1 } } });
    for (let round = 0; round < 10; round++) await Promise.all(short.map((value) => module.invoke(fn, value)));
    lines.length = 0;
    const before = short.slice(0, 5).map((value) => module.invoke(fn, value));
    const stuck = module.invoke(fn, "0", { timeoutMs: 5 });
    const after = short.slice(5).map((value) => module.invoke(fn, value));
    await expect(stuck).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
    expect(await Promise.all([...before, ...after])).toEqual(short);
    expect(lines.filter((line) => line !== "0").toSorted()).toEqual(short.toSorted());
    expect(lines.filter((line) => line === "0").length).toBeLessThanOrEqual(1);
  },
);

test("calls behind one that runs out of memory are run by the next instance", async () => {
  const source = "function f(v) { const kept = []; for (; v === 0; ) kept.push({}); return v }";
  await using module = await load(source, { limits: { memoryMb: 16 }, manifest: { limits: { maxInstances: 1 } } });
  for (let round = 0; round < 10; round++) await Promise.all(short.map((value) => module.invoke("f", value)));
  const bomb = expect(module.invoke("f", "0")).rejects.toMatchObject({ code: "ERR_EXT_MEMORY" });
  expect(await Promise.all(short.map((value) => module.invoke("f", value)))).toEqual(short);
  await bomb;
});

test("a call that was given up while it waited does not stop its neighbours", async () => {
  await using module = await load(GUEST, { exports: ["f", "g"], manifest: { limits: { maxInstances: 1 } } });
  for (let round = 0; round < 10; round++) await Promise.all(short.map((value) => module.invoke("f", value)));
  const controller = new AbortController();
  const calls = short.map((value, index) =>
    module.invoke("f", value, index % 2 === 1 ? { signal: controller.signal } : undefined),
  );
  controller.abort(new Error("enough"));
  const ends = await Promise.allSettled(calls);
  expect(ends.filter((_, index) => index % 2 === 0).every(({ status }) => status === "fulfilled")).toBe(true);
});

test("slow calls run beside each other", async () => {
  // Each waits until the other has begun: with one instance for both, neither ends.
  const begun: string[] = [];
  const logger = { info: (line: string) => void begun.push(line) };
  await using module = await load("function f(v) { console.log(v); for (;;); }", {
    logger,
    manifest: { limits: { maxInstances: 2 } },
  });
  const controller = new AbortController();
  const calls = ["1", "2"].map((value) =>
    module.invoke("f", value, { signal: controller.signal }).catch(() => "stopped"),
  );
  while (begun.length < 2) await new Promise(setImmediate);
  controller.abort();
  expect(await Promise.all(calls)).toEqual(["stopped", "stopped"]);
});

test("calls that were made just before their isolate is stopped are run by the next one", async () => {
  await using module = await load(GUEST, { exports: ["f", "g"], manifest: { limits: { maxInstances: 1 } } });
  for (const fn of ["f", "g"]) {
    for (let round = 0; round < 10; round++) await Promise.all(short.map((value) => module.invoke(fn, value)));
    const controller = new AbortController();
    const stopped = module.invoke(fn, "0", { signal: controller.signal });
    const others = short.map((value) => module.invoke(fn, value));
    // In the same turn: nothing has been sent to the isolate yet.
    controller.abort(new Error("enough"));
    await expect(stopped).rejects.toThrow("enough");
    expect(await Promise.all(others)).toEqual(short);
  }
});
