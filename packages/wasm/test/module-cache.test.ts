import { describe, expect, it } from "vitest";
import { wasm } from "../src/index.ts";
import { type CompiledModule, ModuleCache } from "../src/machine/module/module-cache.ts";
import { ECHO, guestFunction, pointerGuest } from "./guests.ts";

const compiled = { maxPages: 2 } as CompiledModule;

describe("the module cache", () => {
  it("compiles the same content once, and lets go of it with the last lease", async () => {
    const cache = new ModuleCache();
    let compilations = 0;
    const compile = async () => {
      compilations += 1;
      return compiled;
    };
    const bytes = Uint8Array.of(1, 2, 3);
    const leases = await Promise.all(
      Array.from({ length: 100 }, () => cache.lease(Uint8Array.from(bytes), 16, compile)),
    );
    expect([compilations, cache.size]).toEqual([1, 1]);
    for (const lease of leases.slice(1)) lease.release();
    expect(cache.size).toBe(1);
    leases[0]!.release();
    expect(cache.size).toBe(0);
    await cache.lease(bytes, 16, compile);
    expect(compilations).toBe(2);
  });

  it("tells contents and limits apart", async () => {
    const cache = new ModuleCache();
    const compile = async () => ({ ...compiled });
    const first = await cache.lease(Uint8Array.of(1), 16, compile);
    expect((await cache.lease(Uint8Array.of(2), 16, compile)).compiled).not.toBe(first.compiled);
    expect((await cache.lease(Uint8Array.of(1), 17, compile)).compiled).not.toBe(first.compiled);
  });

  it("does not keep a failure", async () => {
    const cache = new ModuleCache();
    const fail = async () => Promise.reject(new Error("no"));
    await Promise.all([1, 2].map(() => expect(cache.lease(Uint8Array.of(1), 16, fail)).rejects.toThrow("no")));
    expect(cache.size).toBe(0);
    await expect(cache.lease(Uint8Array.of(1), 16, async () => compiled)).resolves.toMatchObject({ compiled });
  });
});

describe("extensions of the same content", () => {
  it("share code and nothing else", async () => {
    const bytes = pointerGuest(`(global $calls (mut i32) (i32.const 0)) ${ECHO}
      ${guestFunction("count", "(global.set $calls (i32.add (global.get $calls) (i32.const 1))) (call $number (global.get $calls))")}`);
    const runtime = wasm();
    const modules = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        runtime.load({
          manifest: {
            name: `g${index}`,
            runtime: "wasm",
            module: "g.wasm",
            exports: ["count"],
            limits: { maxInstances: 1 },
          },
          files: { "g.wasm": bytes },
        }),
      ),
    );
    await modules[0]!.invoke("count", "0");
    expect(await modules[0]!.invoke("count", "0")).toBe("2");
    expect(await modules[1]!.invoke("count", "0")).toBe("1");
    await modules[0]!.close();
    expect(await modules[1]!.invoke("count", "0")).toBe("2");
    await runtime.close();
  });
});
