import { describe, expect, it } from "vitest";
import type { Runtime, RuntimeOptions } from "../../dist/index.js";

type Factory = (options: RuntimeOptions) => Runtime;
const { quickjs } = (await import(new URL("../../../quickjs/dist/index.js", import.meta.url).href)) as {
  quickjs: Factory;
};

const quickjsGuest = {
  manifest: { name: "guest", runtime: "quickjs", module: "guest.js", exports: ["count", "forever"] },
  files: { "guest.js": "let calls = 0; function count() { return ++calls; } function forever() { for (;;); }" },
};

/** On a busy machine an engine may be slower than the 50 ms that it has, and then its worker is ended; not every time. */
const ATTEMPTS = 50;

describe.each(["thread", "process"] as const)("quickjs in a %s", (placement) => {
  it("stops what it can by itself, and its worker lives on", async () => {
    await using runtime = quickjs({ placement, threads: { max: 1 }, processes: { max: 1 } });
    const [module, other] = [await runtime.load(quickjsGuest), await runtime.load({ ...quickjsGuest })];
    /** Whether the count of a guest in the same worker went on. */
    const livesOn = async (stop: () => Promise<void>) => {
      const before = await other.call<number>("count");
      await stop();
      return (await other.call<number>("count")) === before + 1;
    };
    const later = async () =>
      expect(module.invoke("forever", "null", { timeoutMs: 15 })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
    const atOnce = async () =>
      expect(() => module.invokeSync("forever", "null", { timeoutMs: 15 })).toThrow(
        expect.objectContaining({ code: "ERR_EXT_TIMEOUT" }),
      );
    for (const stop of placement === "thread" ? [later, atOnce] : [later])
      for (let attempt = 1; !(await livesOn(stop)); attempt++) expect(attempt).toBeLessThan(ATTEMPTS);
  });
});
