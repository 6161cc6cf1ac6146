import { describe, expect, it } from "vitest";
import { DEFAULT_BOUNDS, resolveBounds } from "../src/contract/bounds.ts";
import { jsonCost } from "../src/contract/json-cost.ts";
import type { Call } from "../src/engine.ts";
import { createRuntime, type Limits, native } from "../src/index.ts";
import { type FakeEngine, fakeEngine, fakeExtension } from "./fake-engine.ts";

/** A module of an engine that answers each call at once with what `answer` makes of it. */
async function loaded(answer: (payload: string, call: Call) => string, limits: Limits = {}) {
  const engine = fakeEngine() as FakeEngine;
  const answering = {
    ...engine,
    compile: () => ({
      instantiate: () => ({ invoke: (_: string, payload: string, call: Call) => answer(payload, call), close() {} }),
      close() {},
    }),
  };
  return createRuntime(answering, { limits }).load(fakeExtension());
}

const bad = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

describe("what is too long", () => {
  it("is refused before the guest runs, as a payload, by its bytes", async () => {
    const module = await loaded((payload) => payload, { payloadBytes: 10 });
    expect(await module.invoke("echo", '"12345678"')).toBe('"12345678"');
    for (const long of ['"123456789"', '"ééééé"', '"€€€"'])
      for (const call of [() => module.invoke("echo", long), async () => module.invokeSync("echo", long)])
        await expect(call()).rejects.toEqual(bad("ERR_EXT_BAD_PAYLOAD", /limits\.payloadBytes is 10/));
    expect(module.stats()).toMatchObject({ calls: 1, running: 0 });
  });

  it("is refused as a result, by its bytes, and the module works on", async () => {
    const module = await loaded((payload) => JSON.stringify("é".repeat(Number(payload))), { resultBytes: 10 });
    expect(await module.call("echo", 4)).toBe("éééé");
    for (const call of [() => module.invoke("echo", "5"), async () => module.invokeSync("echo", "5")])
      await expect(call()).rejects.toEqual(bad("ERR_EXT_BAD_RESULT", /has 12 bytes.*limits\.resultBytes is 10/));
    expect(await module.call("echo", 4)).toBe("éééé");
    expect(module.stats()).toMatchObject({ failures: 2, running: 0, instancesCreated: 1 });
  });

  it("is refused by default past 16 MiB of result and 64 MiB of payload", async () => {
    const module = await loaded((payload) => `"${"x".repeat(Number(payload))}"`);
    expect((await module.invoke("echo", String(2 ** 24 - 2))).length).toBe(2 ** 24);
    await expect(module.invoke("echo", String(2 ** 24 - 1))).rejects.toEqual(bad("ERR_EXT_BAD_RESULT", /16777216/));
    await expect(module.invoke("echo", " ".repeat(2 ** 26 + 1))).rejects.toEqual(
      bad("ERR_EXT_BAD_PAYLOAD", /67108864/),
    );
  });
});

describe("what costs too much to parse", () => {
  const many = DEFAULT_BOUNDS.jsonValues;
  it.each([
    ["empty objects", `[${"{},".repeat(many)}{}]`, "jsonValues"],
    ["empty lists", `[${"[],".repeat(many)}[]]`, "jsonValues"],
    ["numbers", `[${"1,".repeat(many)}1]`, "jsonValues"],
    ["members", `{${Array.from({ length: many / 2 + 1 }, (_, i) => `"k${i}":1`).join(",")}}`, "jsonValues"],
    ["levels", `${"[".repeat(1001)}${"]".repeat(1001)}`, "jsonDepth"],
    ["levels without an end", "[".repeat(100_000), "jsonDepth"],
  ])("is refused by `call`, and not by `invoke`: %s", async (_, text, limit) => {
    const module = await loaded(() => text);
    await expect(module.call("echo")).rejects.toEqual(bad("ERR_EXT_BAD_RESULT", new RegExp(`limits\\.${limit}`)));
    expect(await module.invoke("echo", "null")).toBe(text);
    expect(module.stats()).toMatchObject({ calls: 2, failures: 1 });
  });

  it("is not what looks like it within strings", async () => {
    const text = JSON.stringify(`${"[".repeat(5000)}\\"{},{}${'"\\'.repeat(500_000)}`);
    const module = await loaded(() => text);
    expect(await module.call("echo")).toBe(JSON.parse(text));
  });

  it.each(["\\", '"', "\\\\", '\\"', "a\\", 'a"', "x"])("is not mistaken for what is in strings: %j", (unit) => {
    for (const count of [1, 2, 3, 15, 16, 17, 31, 32, 33, 100, 1001])
      for (const text of [JSON.stringify([unit.repeat(count), "[", 1]), JSON.stringify({ [unit.repeat(count)]: "}" })])
        expect([text.length, jsonCost(text, DEFAULT_BOUNDS)]).toEqual([text.length, text.startsWith("[") ? 4 : 3]);
  });

  it("is counted as JSON.parse would count it", () => {
    const count = (value: unknown): number => {
      if (typeof value !== "object" || value === null) return 1;
      if (Array.isArray(value)) return value.reduce((sum: number, each) => sum + count(each), 1);
      return Object.values(value).reduce((sum: number, each) => sum + 1 + count(each), 1);
    };
    for (const value of [
      null,
      [],
      {},
      [[]],
      [1, -2.5e-7, true, 'a"b\\', [null, {}]],
      { a: { b: [1, "x"] }, "": 0 },
      "[{}]",
    ])
      for (const space of [0, 2])
        expect(jsonCost(JSON.stringify(value, null, space), DEFAULT_BOUNDS), JSON.stringify(value)).toBe(count(value));
  });
});

describe("the deadline of a call", () => {
  const hold = (ms: number) => {
    const until = performance.now() + ms;
    while (performance.now() < until);
  };

  it("covers an answer that comes too late though no timer had its turn", async () => {
    const module = await loaded((_, { deadline }) => {
      // A time that nobody has asked for has not begun.
      expect(deadline).toBeGreaterThan(0);
      hold(30);
      return "1";
    });
    for (const call of [
      () => module.invoke("echo", "1", { timeoutMs: 10 }),
      async () => module.invokeSync("echo", "1", { timeoutMs: 10 }),
    ])
      await expect(call()).rejects.toEqual(bad("ERR_EXT_TIMEOUT", /time was up/));
    expect(module.stats()).toMatchObject({ failures: 2, timeouts: 2 });
  });

  it("covers an answer that was promised", async () => {
    const engine = fakeEngine();
    const module = await createRuntime(engine).load(fakeExtension());
    const call = module.invoke("wait", "1", { timeoutMs: 20 });
    await new Promise((resolve) => setImmediate(resolve));
    hold(30);
    engine.open[0]!.resolve("1");
    await expect(call).rejects.toEqual(bad("ERR_EXT_TIMEOUT", /time was up/));
  });

  it("covers the reading of a result", async () => {
    const text = `[${"{},".repeat(400_000)}{}]`;
    const module = await loaded(() => text, { jsonValues: 1e6 });
    await expect(module.call("echo", 1, { timeoutMs: 2 })).rejects.toEqual(
      bad("ERR_EXT_TIMEOUT", /while its result was read/),
    );
    expect(module.stats()).toMatchObject({ calls: 1, failures: 1, timeouts: 1 });
  });
});

describe("a guest's error", () => {
  it("is cut in its name, message and stack", async () => {
    const huge = "x".repeat(5e6);
    const files = {
      "m.mjs": `export function run() { throw Object.assign(new Error("${"y".repeat(10)}".repeat(1e6)), { name: "n".repeat(1e6), stack: "s".repeat(1e6) }) }`,
    };
    const module = await native().load({
      manifest: { name: "a", runtime: "native", module: "m.mjs", exports: ["run"] },
      files,
    });
    const error = await module
      .invoke("run", "1")
      .catch(
        (caught: unknown) =>
          caught as { message: string; stack: string; guest: { name: string; message: string; stack: string } },
      );
    if (typeof error === "string") throw new Error(huge);
    const most = DEFAULT_BOUNDS.errorChars + 50;
    for (const text of [error.message, error.stack, error.guest.name, error.guest.message, error.guest.stack])
      expect(text.length).toBeLessThan(most);
    expect(error.guest.message).toMatch(/^y+… \(cut\)$/);
  });
});

describe("whose bounds count", () => {
  it("is the host's before the manifest's before the runtime's", () => {
    expect(resolveBounds({ resultBytes: 5 }, { resultBytes: 7, jsonDepth: 9 }, {})).toMatchObject({
      resultBytes: 5,
      jsonDepth: 9,
    });
    expect(resolveBounds({ resultBytes: 5 }, { resultBytes: 7 }, { resultBytes: 6 })).toMatchObject({ resultBytes: 6 });
  });

  it("a manifest cannot raise what guards the host; load and policy can", async () => {
    const manifest = {
      name: "a",
      runtime: "native",
      exports: ["run"],
      limits: { resultBytes: 2 ** 28, jsonValues: 1e8 },
    };
    const runtime = native({ functions: { a: { run: () => 1 } } });
    await expect(runtime.load({ manifest, files: {} })).rejects.toEqual(
      bad("ERR_EXT_DENIED", /limits\.resultBytes of 268435456.*limits\.jsonValues of 100000000/),
    );
    const module = await runtime.load({ manifest, files: {} }, { limits: { resultBytes: 2 ** 28, jsonValues: 1e8 } });
    expect(await module.call("run")).toBe(1);
  });

  it("a limit of the host's that does not exist, or is no number, is a TypeError", async () => {
    for (const limits of [{ resultByte: 1 }, { resultBytes: 0 }, { resultBytes: "1" }, { jsonDepth: Number.NaN }]) {
      expect(() => native({ limits: limits as Limits })).toThrow(TypeError);
      await expect(native().load(fakeExtension(), { limits: limits as Limits })).rejects.toBeInstanceOf(TypeError);
    }
  });
});
