import { fixture } from "extruntime-fixtures";
import { describe, expect, it } from "vitest";
import type { Runtime, RuntimeOptions } from "../../dist/index.js";

/** Engines of other packages, as they are built: what stops a guest in WebAssembly is for a thread's end to show. */
type Factory = (options: RuntimeOptions) => Runtime;
const { quickjs } = (await import(new URL("../../../quickjs/dist/index.js", import.meta.url).href)) as {
  quickjs: Factory;
};
const { wasm } = (await import(new URL("../../../wasm/dist/index.js", import.meta.url).href)) as { wasm: Factory };

const SCRIPT = `
let calls = 0;
function count() { return ++calls; }
function echo(value) { return value; }
function forever() { for (;;); }
// A native builtin of QuickJS, which its interrupt handler does not reach: this takes minutes.
function search() { return "a".repeat(5e6).indexOf("a".repeat(2e6) + "b"); }
function grow() { const all = []; for (;;) all.push("x".repeat(1e6) + all.length); }
`;

/** `(func (export "f") (param i32 i32) (result i64) (loop (br 0)) i64.const 0)` with the two allocator functions. */
const ENDLESS = new Uint8Array([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 17, 3, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 2, 0x7f, 0x7f, 0, 0x60, 2, 0x7f, 0x7f, 1, 0x7e],
  ...[3, 4, 3, 0, 1, 2],
  ...[5, 3, 1, 0, 1],
  ...[7, 43, 4],
  ...[6, ...Buffer.from("memory"), 2, 0],
  ...[12, ...Buffer.from("__base_alloc"), 0, 0],
  ...[11, ...Buffer.from("__base_free"), 0, 1],
  ...[1, ...Buffer.from("f"), 0, 2],
  ...[10, 20, 3, 5, 0, 0x41, 0x80, 8, 0x0b, 2, 0, 0x0b, 9, 0, 3, 0x40, 0x0c, 0, 0x0b, 0x42, 0, 0x0b],
]);

const quickjsGuest = {
  manifest: {
    name: "guest",
    runtime: "quickjs",
    module: "guest.js",
    exports: ["count", "echo", "forever", "search", "grow"],
  },
  files: { "guest.js": SCRIPT },
};

describe.each(["thread", "process"] as const)("quickjs in a %s", (placement) => {
  it("is stopped in a builtin too, which it is not inline", async () => {
    await using runtime = quickjs({ placement });
    expect(runtime.capabilities).toMatchObject({ deadline: "hard", signal: "hard", hardSandbox: true });
    const module = await runtime.load(quickjsGuest);
    await expect(module.invoke("search", "null", { timeoutMs: 200 })).rejects.toMatchObject({
      code: "ERR_EXT_TIMEOUT",
    });
    expect(await module.call("echo", "served")).toBe("served");
  });

  it("keeps its own memory limit there", async () => {
    await using runtime = quickjs({ placement });
    const module = await runtime.load({
      ...quickjsGuest,
      manifest: { ...quickjsGuest.manifest, limits: { memoryMb: 32 } },
    });
    await expect(module.call("grow")).rejects.toMatchObject({ code: "ERR_EXT_MEMORY" });
    expect(await module.call("echo", 1)).toBe(1);
  });
});

describe.each(["thread", "process"] as const)("wasm in a %s", (placement) => {
  it("can be stopped, which it cannot be inline", async () => {
    await using runtime = wasm({ placement });
    const manifest = { name: "endless", runtime: "wasm", module: "endless.wasm", exports: ["f"] };
    const module = await runtime.load({ manifest, files: { "endless.wasm": ENDLESS } });
    for (let round = 0; round < 3; round++)
      await expect(module.invoke("f", "1", { timeoutMs: 50 })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
    expect(module.stats()).toMatchObject({ calls: 3, timeouts: 3 });
  });

  it("keeps its own memory limit there", async () => {
    await using runtime = wasm({ placement });
    const module = await runtime.load(fixture("guests/wasm/allocate"), { limits: { memoryMb: 16 } });
    for (let round = 0; round < 3; round++)
      await expect(module.call("allocate")).rejects.toMatchObject({ code: "ERR_EXT_MEMORY" });
  });
});
