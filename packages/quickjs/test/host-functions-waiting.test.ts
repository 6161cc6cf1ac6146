import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { answer, load, never, onRequest, spend } from "./hosted-guest.ts";

describe("a guest that waits", () => {
  test("is ended at its deadline, and the module goes on", async () => {
    await using module = await load(
      "const f = (v) => v === 1 ? 'alive' : host.call('never')",
      { never },
      { limits: { maxInstances: 1 } },
    );
    await expect(module.invoke("f", "0", { timeoutMs: 20 })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
    expect(await module.invoke("f", "1")).toBe('"alive"');
    expect(module.stats()).toMatchObject({ running: 0, instancesCreated: 2 });
  });

  test("takes no signal on this thread, which it might hold before and after", async () => {
    const { asked, fn } = onRequest();
    await using module = await load("const f = () => host.call('fn')", { fn }, { limits: { maxInstances: 1 } });
    await expect(module.invoke("f", "1", { signal: new AbortController().signal })).rejects.toMatchObject({
      code: "ERR_EXT_UNSUPPORTED",
      message: expect.stringMatching(/timeoutMs.*thread or a process/),
    });
    expect([asked.length, module.stats().calls]).toEqual([0, 0]);
  });

  test("is ended when its module is closed with abort", async () => {
    const { fn, until } = onRequest();
    const module = await load("const f = () => host.call('fn')", { fn });
    const call = module.invoke("f", "1");
    await until(1);
    const failed = expect(call).rejects.toMatchObject({ code: "ERR_EXT_CLOSED" });
    await module.close({ abort: true });
    await failed;
  });

  test("has its answer before its module closes", async () => {
    const { asked, fn, until } = onRequest();
    const module = await load("const f = () => host.call('fn')", { fn });
    const call = module.invoke("f", "1");
    await until(1);
    const closed = module.close();
    asked[0]!.answer(5);
    expect(await call).toBe("5");
    await closed;
  });

  test("is not heard from again: an answer that comes too late is dropped", async () => {
    const { asked, fn, until } = onRequest();
    await using module = await load("const f = () => host.call('fn')", { fn }, { limits: { maxInstances: 1 } });
    await expect(module.invoke("f", "1", { timeoutMs: 20 })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
    await until(1);
    const next = module.invoke("f", "2");
    await until(2);
    asked[0]!.answer("late");
    await setImmediate();
    asked[1]!.answer("in time");
    expect(await next).toBe('"in time"');
  });

  test("and whose time a host function used up ends before it waits", async () => {
    const source = "const f = () => { host.call('spend'); return host.call('never') }";
    await using module = await load(source, { never, spend });
    await expect(module.invoke("f", "1", { timeoutMs: 20 })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
    expect(module.stats().running).toBe(0);
  });

  test("and whose time a host function used up after the first answer ends", async () => {
    const source =
      "const f = async (v) => { if (v === 1) return 'alive'; await host.call('later'); host.call('spend'); return host.call('never') }";
    await using module = await load(source, { later: async () => 1, spend, never }, { limits: { maxInstances: 1 } });
    await expect(module.invoke("f", "0", { timeoutMs: 20 })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
    expect(await module.invoke("f", "1")).toBe('"alive"');
  });

  test("for ever new answers leaves timers their turn", async () => {
    let answers = Number.NEGATIVE_INFINITY;
    const next = async () => {
      if (++answers === 1000) setTimeout(() => void module.close({ abort: true }));
    };
    const module = await load("const f = async () => { for (;;) await host.call('next') }", { next });
    await expect(module.invoke("f", "1", { timeoutMs: 30 })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
    answers = 0;
    await expect(module.invoke("f", "1")).rejects.toMatchObject({ code: "ERR_EXT_CLOSED" });
  });

  test("and then loops without end is stopped", async () => {
    const later = async () => 1;
    const source = "const f = async (v) => { if (v === 1) return 'alive'; await host.call('later'); for (;;); }";
    await using module = await load(source, { later }, { limits: { maxInstances: 1 } });
    await expect(module.invoke("f", "0", { timeoutMs: 50 })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
    expect(await module.invoke("f", "1")).toBe('"alive"');
  });

  test("for a promise that nothing will settle fails when the host has answered all", async () => {
    const later = async () => 1;
    const source = "const f = async () => { await host.call('later'); await new Promise(() => {}) }";
    await expect(answer(source, { later })).rejects.toMatchObject({
      code: "ERR_EXT_GUEST",
      message: expect.stringContaining("never settle"),
    });
  });

  test("cannot be waited for by a synchronous call: the guest is told so, and nothing is held", async () => {
    const functions = { now: () => 1, later: async () => 2 };
    const source = `const f = async (v) => [await host.call('now'), await host.call('later').catch((error) => v ? error.name : Promise.reject(error))]`;
    await using module = await load(source, functions, { limits: { maxInstances: 1 } });
    expect(module.invokeSync("f", "true")).toBe('[1,"UnsupportedError"]');
    expect(() => module.invokeSync("f", "false")).toThrow(
      expect.objectContaining({ code: "ERR_EXT_GUEST", message: expect.stringContaining("answers with a promise") }),
    );
    expect(await module.invoke("f", "false")).toBe("[1,2]");
    expect(module.stats()).toMatchObject({ running: 0, instancesCreated: 1 });
  });

  test("fails when an answer does not fit into its memory, and the module goes on", async () => {
    const functions = { now: () => "x".repeat(2e7), later: async () => "x".repeat(2e7) };
    const source = "const f = (name) => name === null ? 'alive' : host.call(name)";
    await using module = await load(source, functions, { limits: { memoryMb: 8 } });
    for (const name of ["now", "later"])
      await expect(module.call("f", name)).rejects.toMatchObject({ code: "ERR_EXT_MEMORY" });
    expect(await module.call("f")).toBe("alive");
  });
});

describe("calls that nobody waits for", () => {
  test("are made, and their answers do not reach the next call", async () => {
    const { asked, fn, until } = onRequest();
    const source =
      "let seen = []; function f(v) { if (v === 1) { for (let i = 0; i < 10; i++) host.call('fn', i).then((a) => seen.push(a)); return 'left' } return host.call('fn', v).then((a) => [...seen, a]) }";
    await using module = await load(source, { fn }, { limits: { maxInstances: 1 } });
    expect(await module.invoke("f", "1")).toBe('"left"');
    const next = module.call("f", 2);
    await until(11);
    for (const { answer } of asked) answer("answer");
    expect(await next).toEqual(["answer"]);
    expect(module.stats().instancesCreated).toBe(1);
  });

  test("run to their end within the call where the host answers at once", async () => {
    const seen: unknown[] = [];
    const note = (value: unknown) => void seen.push(value);
    await using module = await load(
      "const f = () => { host.call('note', 1).then(() => host.call('note', 2)); return 0 }",
      { note },
    );
    module.invokeSync("f", "1");
    expect(seen).toEqual([1, 2]);
  });

  test("without end fail one by one, and leave nothing behind", async () => {
    const source =
      "function f() { let refused = 0; for (let i = 0; i < 5000; i++) host.call('never', i).catch(() => refused++); return Promise.resolve().then(() => new Promise((r) => r())).then(() => refused > 0) }";
    await using module = await load(source, { never }, { limits: { memoryMb: 16, maxInstances: 1 } });
    for (let i = 0; i < 5; i++) expect(await module.invoke("f", "1")).toBe("true");
    expect(module.stats().instancesCreated).toBe(1);
  });
});

test("a guest that was stopped asks nothing more of the host", async () => {
  let asked = 0;
  const ask = () => {
    asked++;
    spend();
  };
  await using module = await load("function f() { for (let i = 0; i < 1000; i++) host.call('ask') }", { ask });
  await module.invoke("f", "1", { timeoutMs: 20 }).catch(() => {});
  expect(asked).toBe(1);
});

describe("two thousand overlapping calls that wait for the host", () => {
  test.each(["own", "shared"] as const)("are all answered, each with its own value (%s memory)", async (memory) => {
    const later = async (value: number) => {
      await setImmediate();
      return value + 1;
    };
    const now = (value: number) => value * 2;
    const source = "const f = async (n) => host.call('now', await host.call('later', await host.call('later', n)))";
    await using module = await load(source, { later, now }, { runtime: { memory } });
    const answers = await Promise.all(Array.from({ length: 2000 }, (_, i) => module.call("f", i)));
    expect(answers).toEqual(Array.from({ length: 2000 }, (_, i) => (i + 2) * 2));
    expect(module.stats()).toMatchObject({ running: 0, failures: 0, instances: 8 });
  });
});
