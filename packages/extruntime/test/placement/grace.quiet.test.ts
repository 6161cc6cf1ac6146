import { describe, expect, it } from "vitest";
import type { Runtime, RuntimeOptions } from "../../dist/index.js";

/** Wants a machine with time to spare: a guest that its own engine has not stopped 50 ms after the deadline costs its worker. */
type Factory = (options: RuntimeOptions) => Runtime;
const { quickjs } = (await import(new URL("../../../quickjs/dist/index.js", import.meta.url).href)) as {
  quickjs: Factory;
};

const quickjsGuest = {
  manifest: { name: "guest", runtime: "quickjs", module: "guest.js", exports: ["count", "forever"] },
  files: { "guest.js": "let calls = 0; function count() { return ++calls; } function forever() { for (;;); }" },
};

describe.each(["thread", "process"] as const)("quickjs in a %s", (placement) => {
  it("stops what it can by itself, and its worker lives on", async () => {
    await using runtime = quickjs({ placement, threads: { max: 1 }, processes: { max: 1 } });
    const [module, other] = [await runtime.load(quickjsGuest), await runtime.load({ ...quickjsGuest })];
    await other.call("count");
    await expect(module.invoke("forever", "null", { timeoutMs: 15 })).rejects.toMatchObject({
      code: "ERR_EXT_TIMEOUT",
    });
    if (placement === "thread")
      expect(() => module.invokeSync("forever", "null", { timeoutMs: 15 })).toThrow(/at its deadline/);
    expect(await other.call("count")).toBe(2);
  });
});
