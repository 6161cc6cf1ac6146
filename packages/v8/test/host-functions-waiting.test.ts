import { describe, expect, test } from "vitest";
import { load } from "./guest.ts";
import { ask, guest, offered, soon } from "./host-functions.ts";

describe("a call and what it asks for", () => {
  test("ends with its own answer, whatever else it has asked for", async () => {
    const heard: unknown[] = [];
    const tell = (value: unknown) => void heard.push(value);
    const source = `async function f(value) {
      host.call("tell", value); host.call("fail"); host.call("nothing"); host.call(1); host.call("never");
      Promise.resolve().then(() => host.call("tell", -value));
      return await host.call("later", value);
    }
    function g(value) { host.call("tell", value); host.call("fail"); return value }`;
    const hostFunctions = { ...offered, tell };
    const manifest = { permissions: Object.keys(hostFunctions) };
    await using module = await load(source, { hostFunctions, manifest, exports: ["f", "g"] });
    for (const value of ["1", "2"]) expect(await module.invoke("f", value)).toBe(value);
    expect(await module.invoke("g", "3")).toBe("3");
    expect(heard).toEqual([1, -1, 2, -2, 3]);
    expect(module.stats()).toMatchObject({ failures: 0, instancesCreated: 1 });
  });

  test("nothing of it goes on when it has its answer", async () => {
    const late: ((value: unknown) => void)[] = [];
    const hold = () => new Promise((resolve) => late.push(resolve));
    const source = `const went = []; let turn = 0;
      async function f() {
        turn++;
        host.call("hold").then(() => { went.push("held"); for (;;); });
        host.call("later").then(() => { went.push("later"); for (;;); });
        return [turn, went];
      }
      async function g() { await host.call("later"); await host.call("later"); return [turn, went] }`;
    const hostFunctions = { ...offered, hold };
    const manifest = { permissions: Object.keys(hostFunctions), limits: { maxInstances: 1 } };
    await using module = await load(source, { hostFunctions, manifest, exports: ["f", "g"] });
    expect(await module.invoke("f", "null")).toBe("[1,[]]");
    for (const resolve of late) resolve(1);
    await soon(0);
    expect(await module.invoke("g", "null")).toBe("[1,[]]");
    expect(await module.invoke("f", "null")).toBe("[2,[]]");
  });

  test("a promise that waits for nothing of the host's still fails the call", async () => {
    await using module = await guest(
      `async function f(name) { await host.call("later"); await new Promise(() => {}) }`,
    );
    await expect(module.invoke("f", "null")).rejects.toMatchObject({
      code: "ERR_EXT_GUEST",
      message: expect.stringContaining("can never settle"),
    });
  });

  test("a thenable that waits for the host is waited for", async () => {
    expect(await ask(`const f = () => ({ then(done) { host.call("later", ["now"]).then(done) } })`)).toEqual(["now"]);
  });
});

describe("many calls", () => {
  test("a thousand overlapping calls that each call the host", async () => {
    await using module = await guest(
      `async function f(i) { return [await host.call("later", i), await host.call("echo", i)] }`,
    );
    const calls = Array.from({ length: 1000 }, (_, i) => module.call("f", i));
    expect(await Promise.all(calls)).toEqual(calls.map((_, i) => [i, i]));
  });

  test("calls of one guest's overlap with each other, and never with another call of its instance", async () => {
    const source = `let running = 0;
      async function f() {
        if (++running > 1) throw new Error("two calls at a time");
        const all = await Promise.all(Array.from({ length: 50 }, (_, i) => host.call(i % 2 ? "later" : "echo", i)));
        running--;
        return all.length;
      }`;
    await using module = await guest(source, offered, { maxInstances: 2 });
    const answers = await Promise.all(Array.from({ length: 100 }, () => module.invoke("f", "null")));
    expect(answers).toEqual(Array(100).fill("50"));
  });

  test.each(["echo", "later"])(
    "a guest that calls %s without waiting is served, and hears all answers",
    async (name) => {
      const source = `async function f([name, count]) {
      let heard = 0;
      for (let i = 0; i < count; i++) host.call(name, i).then((value) => { if (value === i) heard++ });
      while (heard < count) await host.call(name);
      return heard;
    }`;
      await using module = await guest(source);
      expect(await module.call("f", [name, 5000])).toBe(5000);
      if (name === "echo") expect(module.invokeSync("f", '["echo",5000]')).toBe("5000");
    },
  );

  test("large values do not keep a guest from hearing its other answers", async () => {
    const source = `async function f() {
      const large = "x".repeat(1e5);
      let done = false;
      host.call("later").then(() => { done = true });
      while (!done) await host.call("echo", large);
      return done;
    }`;
    expect(await ask(source)).toBe(true);
  });

  test("calls that nobody waits for are made, in order, also those that the guest had to keep back", async () => {
    const heard: number[] = [];
    const tell = (value: number) => void heard.push(value);
    const source = `function f(count) {
      for (let i = 0; i < count; i++) host.call("tell", i);
      Promise.resolve().then(() => host.call("tell", count));
      return "told";
    }
    async function g(count) { f(count); return await host.call("tell", -1) }`;
    const manifest = { permissions: ["tell"] };
    await using module = await load(source, { hostFunctions: { tell }, manifest, exports: ["f", "g"] });
    const told = Array.from({ length: 3001 }, (_, i) => i);
    expect(await module.invoke("f", "3000")).toBe('"told"');
    expect(heard).toEqual(told);
    heard.length = 0;
    expect(await module.invoke("g", "3000")).toBe("null");
    expect(heard.filter((value) => value >= 0)).toEqual(told);
  });

  test("guests that together wait for more than the host takes are told so, and go on", async () => {
    const source = `const f = (name) => new Promise((tell) => {
      for (let i = 0; i < 600; i++) host.call(name).catch((error) => tell(error.name + ": " + error.message));
    })`;
    let release = (_: unknown) => {};
    const held = new Promise((resolve) => {
      release = resolve;
    });
    await using module = await guest(source, { ...offered, hold: () => held }, { maxInstances: 2 });
    const controller = new AbortController();
    const both = [1, 2].map(() => module.invoke("f", '"hold"', { signal: controller.signal }));
    const ends = Promise.allSettled(both);
    expect(await Promise.race(both)).toMatch(/^"RangeError: 1000 calls/);
    controller.abort();
    await ends;
    release(1);
    await soon(0);
    expect(await module.invoke("f", '"fail"')).toMatch(/^"RangeError: not/);
  });
});

describe("a guest that waits for the host", () => {
  const WAITS = `async function f(name) { return await host.call(name, "x".repeat(name === "never" ? 5 : 50000)) }`;

  test("meets its deadline, and the module goes on", async () => {
    await using module = await guest(WAITS, offered, { maxInstances: 1 });
    for (let round = 0; round < 3; round++) {
      const waits = module.invoke("f", '"never"', { timeoutMs: 20 });
      const behind = module.invoke("f", '"later"');
      await expect(waits).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
      expect(await behind).toHaveLength(50_002);
    }
    expect(module.stats()).toMatchObject({ timeouts: 3 });
  });

  test.each([
    ["and goes on meanwhile", "5"],
    ["with its thread", "50000"],
  ])("can be aborted from the host function that it calls, %s", async (_, size) => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const enough = () => {
      controller.abort(reason);
      return soon(1);
    };
    const source = `async function f(size) { await host.call("enough", "x".repeat(size)); return 1 } const g = (v) => v`;
    const manifest = { permissions: ["enough"], limits: { maxInstances: 1 } };
    await using module = await load(source, { hostFunctions: { enough }, manifest, exports: ["f", "g"] });
    await expect(module.invoke("f", size, { signal: controller.signal })).rejects.toBe(reason);
    expect(await module.invoke("g", "1")).toBe("1");
  });

  test("can be aborted when its answers are on their way", async () => {
    const controller = new AbortController();
    const held: ((value: unknown) => void)[] = [];
    let heard = () => {};
    const asked = new Promise<void>((resolve) => {
      heard = resolve;
    });
    const hold = () => {
      heard();
      return new Promise((resolve) => held.push(resolve));
    };
    await using module = await guest(`const f = (name) => host.call(name)`, { ...offered, hold }, { maxInstances: 1 });
    const call = module.invoke("f", '"hold"', { signal: controller.signal });
    await asked;
    await soon(0);
    held[0]?.(1);
    await Promise.resolve();
    controller.abort(new Error("enough"));
    await expect(call).rejects.toThrow("enough");
    expect(await module.invoke("f", '"later"')).toBe("null");
  });
  test("ends with its module", async () => {
    const closing: Promise<void>[] = [];
    const source = `const f = async (value) => { await host.call("close", value); await host.call("never") }`;
    for (const size of [5, 50_000]) {
      const close = () => void closing.push(module.close({ abort: true }));
      const module = await guest(source, { ...offered, close });
      await expect(module.call("f", "x".repeat(size))).rejects.toMatchObject({ code: "ERR_EXT_CLOSED" });
    }
    await Promise.all(closing);
  });

  test("can be stopped in what it does with the answer, or run out of memory there", async () => {
    const source = `const kept = []; async function f(bad) {
      await host.call("later");
      if (bad === "time") for (;;);
      if (bad === "memory") for (;;) kept.push({});
      return "fine";
    }`;
    await using module = await guest(source, offered, { maxInstances: 1, memoryMb: 16 });
    await expect(module.invoke("f", '"time"', { timeoutMs: 50 })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
    expect(await module.invoke("f", "1")).toBe('"fine"');
    await expect(module.invoke("f", '"memory"')).rejects.toMatchObject({ code: "ERR_EXT_MEMORY" });
    expect(await module.invoke("f", "1")).toBe('"fine"');
  });

  test("may call itself and its neighbours through the host", async () => {
    const again = (depth: number) => (depth === 0 ? other.call("f", "deep") : module.call("f", depth - 1));
    await using other = await guest(`const f = (value) => host.call("later", value)`);
    await using module = await guest(`const f = (depth) => host.call("again", depth)`, { again }, { maxInstances: 4 });
    expect(await module.call("f", 3)).toBe("deep");
  });
});
