import { pyvm } from "@extruntime/pyvm-stub";
import { discoverRuntimes, ExtensionHost } from "extruntime";
import { fixture } from "extruntime-fixtures";
import { describe, expect, it } from "vitest";

describe("the stub", () => {
  it("has the surface of the real engine, and says how to get it when asked to load", async () => {
    const runtime = pyvm();
    expect(runtime).toMatchObject({
      name: "pyvm",
      capabilities: { languages: ["python"], nativeAddon: true, hardSandbox: false },
    });
    await expect(runtime.load(fixture("validate-email/pyvm"))).rejects.toMatchObject({
      code: "ERR_EXT_UNSUPPORTED",
      extension: "validate-email",
      message: expect.stringMatching(/npm install @extruntime\/pyvm.*apt-get install.*dnf install.*brew install/),
    });
    await runtime.close();
  });

  it("still refuses a bad manifest and another runtime's extension as such", async () => {
    await expect(pyvm().load("/nowhere")).rejects.toMatchObject({ code: "ERR_EXT_NO_MANIFEST" });
    await expect(pyvm().load(fixture("validate-email/native"))).rejects.toMatchObject({
      code: "ERR_EXT_UNKNOWN_RUNTIME",
    });
  });

  it("is reported by a host, and does not stop the other extensions", async () => {
    const { runtimes, unavailable } = await discoverRuntimes({ from: new URL(".", import.meta.url).pathname });
    const stub = runtimes.find((runtime) => runtime.name === "pyvm");
    expect(stub?.unavailable).toContain("npm install @extruntime/pyvm");
    expect(unavailable.find((engine) => engine.name === "pyvm")?.reason).toBe(stub?.unavailable);
    const host = new ExtensionHost({ runtimes, unavailable });
    await expect(host.load(fixture("validate-email/pyvm"))).rejects.toMatchObject({ code: "ERR_EXT_UNSUPPORTED" });
    await host.load(fixture("validate-email/native"));
    await host.close();
  });
});
