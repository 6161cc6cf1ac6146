import { describe, expect, it } from "vitest";
import { createRuntime } from "../../dist/engine.js";
import type { HostFunctions } from "../../dist/index.js";
import { guest, withRuntime } from "./guests.ts";

const PLACEMENTS = ["inline", "thread", "process"] as const;

const CODE = `
export const ask = ([name, value], { host }) => host.call(name, value);
export const survive = async ([name, value], { host }) => {
  try { return { got: await host.call(name, value) }; } catch (error) { return { name: error.name, message: error.message, stack: error.stack.includes("host-calls.test") }; }
};
export const many = async (n, { host }) => (await Promise.all(Array.from({ length: n }, (_, i) => host.call("double", i)))).reduce((a, b) => a + b, 0);
export const bigint = (_, { host }) => host.call("double", 1n);
export const lengths = async (n, { host }) => (await Promise.all(Array.from({ length: n }, () => host.call("long")))).map((text) => text.length);
export const echo = (value) => value;
export const flood = async (n, { host }) => {
  let refused = 0;
  for (let i = 0; i < n; i++) host.call("never").catch((error) => { if (error.name === "RangeError") refused++; });
  await host.call("double", 0);
  return refused;
};
`;

const withHost = (permissions: string[]) => guest("guest", { permissions }, CODE);

describe.each(PLACEMENTS)("host functions, with guests placed %s,", (placement) => {
  it("take a value and give one, at once or later, and know who calls", async () => {
    const seen: unknown[] = [];
    const hostFunctions = {
      double: (value: number, context: unknown) => {
        seen.push(context);
        return value * 2;
      },
      later: async (value: string) => `later ${value}`,
      nothing: () => undefined,
    };
    await withRuntime({ placement }, async (runtime) => {
      const module = await runtime.load(withHost(["double", "later", "nothing"]), { hostFunctions });
      expect(await module.call("ask", ["double", 21])).toBe(42);
      expect(await module.call("ask", ["later", "é\u{1F600}\0"])).toBe("later é\u{1F600}\0");
      expect(await module.call("ask", ["nothing"])).toBe(null);
      expect(seen).toMatchObject([{ extension: "guest", version: "0.0.0", name: "double", fn: "ask" }]);
      expect(await module.call("many", 500)).toBe(249_500);
      const large = "x".repeat(3_000_000);
      expect(await module.call("ask", ["later", large])).toBe(`later ${large}`);
    });
  });

  it("give as much as they may by default, two of them in one turn", async () => {
    const length = 60 << 20;
    const hostFunctions = { long: () => "x".repeat(length) };
    await withRuntime({ placement }, async (runtime) => {
      const module = await runtime.load(withHost(["long"]), { hostFunctions });
      expect(await module.call("lengths", 2)).toEqual([length, length]);
    });
  });

  it("fail with their own name and message and without the host's stack", async () => {
    const hostFunctions = {
      fail: () => {
        throw new RangeError("out of cheese");
      },
      reject: () => Promise.reject(new TypeError("not this way")),
      odd: () => {
        throw null;
      },
      trap: () => {
        throw new Proxy(new Error("x"), {
          get() {
            throw new Error("no");
          },
        });
      },
      symbol: () => Symbol("s"),
      big: () => 1n,
      circle: () => {
        const circle: unknown[] = [];
        circle.push(circle);
        return circle;
      },
      getter: () => ({
        // biome-ignore lint/suspicious/noThenProperty: a hostile one is what is tested
        get then() {
          throw new Error("then");
        },
      }),
    };
    const names = Object.keys(hostFunctions);
    await withRuntime({ placement }, async (runtime) => {
      const module = await runtime.load(withHost(names), { hostFunctions });
      const answers: Record<string, unknown> = {};
      for (const name of names) answers[name] = await module.call("survive", [name]);
      expect(answers).toMatchObject({
        fail: { name: "RangeError", message: "out of cheese", stack: false },
        reject: { name: "TypeError", message: "not this way" },
        odd: { name: "Error", message: "null" },
        trap: { name: "Error", message: expect.stringContaining("cannot be shown") },
        symbol: { name: "TypeError", message: expect.stringContaining("symbol") },
        big: { name: "TypeError" },
        circle: { name: "TypeError" },
        getter: { name: "Error", message: "then" },
      });
      await expect(module.call("ask", ["fail"])).rejects.toMatchObject({
        code: "ERR_EXT_GUEST",
        guest: { name: "RangeError", message: "out of cheese" },
      });
      await expect(module.call("bigint")).rejects.toMatchObject({
        code: "ERR_EXT_GUEST",
        guest: { name: "TypeError" },
      });
    });
  });

  it("are those that the manifest asks for, and none else", async () => {
    const hostFunctions = { double: (value: number) => value * 2, secret: () => "secret" };
    await withRuntime({ placement }, async (runtime) => {
      const module = await runtime.load(withHost(["double"]), { hostFunctions });
      for (const name of ["secret", "toString", "__proto__", "constructor", ""])
        expect(await module.call("survive", [name])).toMatchObject({ name: "PermissionError" });
      const none = await runtime.load({ ...withHost([]) }, { hostFunctions });
      expect(await none.call("survive", ["double", 1])).toMatchObject({ name: "PermissionError" });
    });
  });

  it("may call into the module that called them", async () => {
    await withRuntime({ placement }, async (runtime) => {
      const hostFunctions = { again: (value: number) => module.call("echo", value + 1) };
      const module = await runtime.load(withHost(["again"]), { hostFunctions });
      const answers = await Promise.all(Array.from({ length: 4 }, (_, i) => module.call("ask", ["again", i])));
      expect(answers).toEqual([1, 2, 3, 4]);
    });
  });

  it("that never answer fail when a thousand calls wait, and the others answer still", async () => {
    await withRuntime({ placement }, async (runtime) => {
      const hostFunctions = { never: () => new Promise(() => {}), double: (value: number) => value * 2 };
      const module = await runtime.load(withHost(["never", "double"]), { hostFunctions });
      expect(await module.call("flood", 1200)).toBe(200);
      expect(await module.call("ask", ["double", 4])).toBe(8);
    });
  });

  it("take sixteen million characters and no more", async () => {
    await withRuntime({ placement }, async (runtime) => {
      const module = await runtime.load(withHost(["length"]), {
        hostFunctions: { length: (text: string) => text.length },
      });
      expect(await module.call("ask", ["length", "x".repeat((16 << 20) - 2)])).toBe((16 << 20) - 2);
      expect(await module.call("survive", ["length", "x".repeat(16 << 20)])).toMatchObject({ name: "RangeError" });
    });
  });

  it("that never answer hold one call, and closing with an abort ends it", async () => {
    await withRuntime({ placement }, async (runtime) => {
      let asked = () => {};
      const wasAsked = new Promise<void>((resolve) => {
        asked = resolve;
      });
      const hostFunctions = {
        never: () => {
          asked();
          return new Promise(() => {});
        },
      };
      const module = await runtime.load(withHost(["never"]), { hostFunctions });
      const waiting = module.call("ask", ["never"]);
      const outcome = expect(waiting).rejects.toMatchObject({ code: "ERR_EXT_CLOSED" });
      await wasAsked;
      expect(await module.call("echo", 1)).toBe(1);
      await module.close({ abort: true });
      await outcome;
    });
  });
});

it("a host function may close the module that calls it, and abort that call", async () => {
  await withRuntime({}, async (runtime) => {
    const hostFunctions = { close: () => void module.close({ abort: true }), never: () => new Promise(() => {}) };
    const code = "export const run = async (_, { host }) => { host.call('close'); await host.call('never'); };";
    const module = await runtime.load(guest("guest", { permissions: ["close", "never"] }, code), { hostFunctions });
    await expect(module.call("run")).rejects.toMatchObject({ code: "ERR_EXT_CLOSED" });
  });
});

/** An engine whose guests cannot wait for a promise: `ask` calls the host function that its payload names, with its thread. */
const WAITING_ENGINE = `
import { ENGINE_VERSION } from ${JSON.stringify(new URL("../../dist/engine.js", import.meta.url).href)};
const capabilities = { languages: ["none"], hardSandbox: false, nativeAddon: false, deadline: false, signal: false, crashIsolation: false, memoryLimit: false, parallel: false, sync: true, hostFunctions: true, freshCalls: false };
export const engine = () => ({
  engineVersion: ENGINE_VERSION, name: "waiting", aliases: [], capabilities, pool: { size: 4 },
  origin: { module: import.meta.url, export: "engine", threadAbort: "hard" },
  compile: (_, { host }) => ({
    instantiate: () => ({
      invoke: (fn, payload, call) => fn === "echo" ? payload : host.callNow(JSON.parse(payload)[0], JSON.stringify(JSON.parse(payload)[1]), call),
      close() {},
    }),
    close() {},
  }),
});
`;

describe.each(PLACEMENTS)("a guest that waits with its thread, placed %s,", (placement) => {
  const files = { manifest: { name: "waiting", runtime: "waiting", exports: ["ask", "echo"] }, files: {} };
  const load = async (hostFunctions: HostFunctions) => {
    const { engine } = (await import(`data:text/javascript,${encodeURIComponent(WAITING_ENGINE)}`)) as {
      engine: () => never;
    };
    const runtime = createRuntime(engine(), { placement, threads: { max: 1 }, processes: { max: 1 } });
    const manifest = { ...files.manifest, permissions: Object.keys(hostFunctions) };
    return { runtime, module: await runtime.load({ ...files, manifest }, { hostFunctions }) };
  };

  it("gets its answers, with other calls behind it in order", async () => {
    const { runtime, module } = await load({ double: (value: number) => value * 2 });
    const calls = Array.from({ length: 3000 }, (_, i) =>
      module.invoke(i % 3 === 0 ? "ask" : "echo", i % 3 === 0 ? `["double",${i}]` : `${i}`),
    );
    const answers = await Promise.all(calls);
    expect(answers).toEqual(answers.map((_, i) => (i % 3 === 0 ? `=${2 * i}` : `${i}`)));
    await runtime.close();
  });

  it("waits for a promise where the host is elsewhere, and fails at once where it would wait for ever", async () => {
    const { runtime, module } = await load({ later: async (value: string) => value.repeat(20_000) });
    const answer = module.invoke("ask", '["later","xyz"]');
    if (placement === "inline") expect(await answer).toMatch(/^!\["UnsupportedError"/);
    else expect(await answer).toBe(`="${"xyz".repeat(20_000)}"`);
    if (placement !== "process") {
      expect(module.invokeSync("ask", '["later","x"]')).toMatch(/^!\["UnsupportedError"/);
      expect(module.invokeSync("echo", "1")).toBe("1");
    }
    await runtime.close();
  });

  if (placement !== "inline")
    it("is ended at its deadline while it waits, and the module serves on", async () => {
      const { runtime, module } = await load({ never: () => new Promise(() => {}) });
      await expect(module.invoke("ask", '["never",0]', { timeoutMs: 30 })).rejects.toMatchObject({
        code: "ERR_EXT_TIMEOUT",
      });
      expect(await module.invoke("echo", "1")).toBe("1");
      await runtime.close();
    });
});
