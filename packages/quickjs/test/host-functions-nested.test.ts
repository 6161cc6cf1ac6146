import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { quickjs } from "../src/index.ts";
import { load, onRequest } from "./hosted-guest.ts";

describe("a host function that calls guests", () => {
  for (const memory of ["own", "shared"] as const) {
    test(`may call the same module, whose instances are made meanwhile (${memory} memory)`, async () => {
      const again = (n: number) => module.invokeSync("f", String(n - 1));
      const later = async (n: number) => await module.invoke("f", String(n - 1));
      const source =
        "const deep = (n) => n === 0 ? 0 : 1 + deep(n - 1); const f = async (n) => n === 0 ? 'end' + deep(100) : JSON.parse(await host.call(n > 3 ? 'later' : 'again', n)) + n";
      const module = await load(source, { again, later }, { runtime: { memory } });
      expect(await module.call("f", 1)).toBe("end1001");
      expect(await module.call("f", 6)).toBe("end100123456");
      expect(await module.call("f", 6)).toBe("end100123456");
      await module.close();
    });

    test(`may call another one at every depth of the first one's stack (${memory} memory)`, async () => {
      const runtime = quickjs({ memory });
      const manifest = { runtime: "quickjs", module: "guest.js", exports: ["f"] };
      const inner = await runtime.load({
        manifest: { ...manifest, name: "inner" },
        files: { "guest.js": "const deep = (n) => n === 0 ? 0 : 1 + deep(n - 1); function f(n) { return deep(n) }" },
      });
      const outer = await runtime.load(
        {
          manifest: { ...manifest, name: "outer", permissions: ["inner"] },
          files: {
            "guest.js":
              "const deep = (n) => n === 0 ? host.call('inner', 100) : deep(n - 1); function f(n) { return deep(n) }",
          },
        },
        { hostFunctions: { inner: (n: number) => Number(inner.invokeSync("f", String(n))) } },
      );
      for (let n = 0; n <= 500; n += 20) expect(await outer.call("f", n)).toBe(100);
      await runtime.close();
    });
  }

  test("deep in a guest's stack makes guests with a whole one of their own", async () => {
    const worker = new Worker(new URL("deep-stack-worker.mjs", import.meta.url), {
      resourceLimits: { stackSizeMb: 200 },
    });
    const exited = once(worker, "exit");
    const [answers] = await once(worker, "message");
    expect(answers).toEqual([
      [true, "stack overflow"],
      [true, "stack overflow"],
    ]);
    await exited;
  });

  /** QuickJS's parser takes more of V8's stack than of its own. */
  const NESTED = "return eval('('.repeat(1e5) + '1' + ')'.repeat(1e5))";

  test("a guest that breaks the memory takes with it the one that called, and the modules go on", async () => {
    const runtime = quickjs({ memory: "shared" });
    const manifest = { runtime: "quickjs", module: "guest.js", exports: ["f"] };
    const breaker = await runtime.load({
      manifest: { ...manifest, name: "breaker" },
      files: { "guest.js": `function f(v) { if (v === 1) return 'alive'; ${NESTED} }` },
    });
    const caller = await runtime.load(
      {
        manifest: { ...manifest, name: "caller", permissions: ["run"] },
        files: {
          "guest.js":
            "async function f(v) { if (v === 1) return 'alive'; try { return await host.call('run') } catch { return 'went on' } }",
        },
      },
      { hostFunctions: { run: () => breaker.invokeSync("f", "0") } },
    );
    await expect(caller.invoke("f", "0")).rejects.toMatchObject({ code: "ERR_EXT_CRASHED" });
    expect([await caller.invoke("f", "1"), await breaker.invoke("f", "1")]).toEqual(['"alive"', '"alive"']);
    await runtime.close();
  });

  test("a guest that breaks the memory takes with it the one that waits, and the modules go on", async () => {
    const runtime = quickjs({ memory: "shared" });
    const { asked, fn, until } = onRequest();
    const manifest = { runtime: "quickjs", module: "guest.js", exports: ["f"] };
    const breaker = await runtime.load({
      manifest: { ...manifest, name: "breaker" },
      files: { "guest.js": `function f(v) { if (v === 1) return 'alive'; ${NESTED} }` },
    });
    const waiter = await runtime.load(
      {
        manifest: { ...manifest, name: "waiter", permissions: ["fn"] },
        files: { "guest.js": "function f(v) { return v === 1 ? 'alive' : host.call('fn') }" },
      },
      { hostFunctions: { fn } },
    );
    const call = waiter.invoke("f", "0");
    await until(1);
    await expect(breaker.invoke("f", "0")).rejects.toMatchObject({ code: "ERR_EXT_GUEST" });
    asked[0]!.answer(1);
    await expect(call).rejects.toMatchObject({ code: "ERR_EXT_CRASHED", message: expect.stringContaining("share") });
    expect([await waiter.invoke("f", "1"), await breaker.invoke("f", "1")]).toEqual(['"alive"', '"alive"']);
    await runtime.close();
  });

  test("may do so until the host's own stack ends, and the module goes on", async () => {
    const again = () => module.invokeSync("f", "1");
    const module = await load(
      "const deep = (n) => n === 0 ? host.call('again') : deep(n - 1); const f = (n) => n === 1 ? deep(100) : 'alive'",
      { again },
      { limits: { maxInstances: 1000 } },
    );
    expect(() => module.invokeSync("f", "1")).toThrow();
    expect(module.invokeSync("f", "2")).toBe('"alive"');
    expect(module.stats().running).toBe(0);
    await module.close();
  });
});

test("a host function that has begun has the stack to end, however deep it is called from", async () => {
  const seen = { begun: 0, ended: 0 };
  const frames = (n: number): number => (n === 0 ? 0 : 1 + frames(n - 1));
  const note = () => {
    seen.begun++;
    frames(100);
    seen.ended++;
  };
  await using module = await load("const f = () => host.call('note').catch((error) => error.name)", { note });
  const answers = new Set<string>();
  const deeper = (): void => {
    try {
      answers.add(module.invokeSync("f", "1"));
    } catch {}
    deeper();
  };
  expect(deeper).toThrow(RangeError);
  expect([...answers].sort()).toEqual(['"RangeError"', "null"]);
  expect(seen.begun).toBeGreaterThan(0);
  expect(seen.ended).toBe(seen.begun);
});
