import { type ExtensionFiles, ExtensionHost, native, openExtension, type Placement } from "extruntime";
import { describe, expect, it } from "vitest";
import { createRuntime } from "../src/engine.ts";
import { fakeEngine, fakeExtension } from "./fake-engine.ts";

const CODE = `
export const read = (_, { config }) => config;
export const change = (_, { config }) => { config.deep.a = 1; };
`;

function extension(more: object = {}): ExtensionFiles {
  const manifest = { name: "configured", runtime: "native", module: "main.js", exports: ["read", "change"], ...more };
  return { manifest, files: { "main.js": CODE } };
}

const config = { url: "https://example.com", deep: { a: 0 } };

describe("config", () => {
  it.each<Placement>(["inline", "thread"])(
    "of the manifest comes to guests, frozen, at placement %s",
    async (placement) => {
      await using runtime = native({ placement });
      const module = await runtime.load(extension({ config }));
      expect(await module.call("read")).toEqual(config);
      await expect(module.call("change")).rejects.toThrow("read only");
      expect(await (await runtime.load(extension())).call("read")).toEqual({});
    },
  );

  it("of a load goes before the host's for its name, which goes before the manifest's", async () => {
    await using host = new ExtensionHost({
      runtimes: [native()],
      config: { configured: { url: "host", only: 1 }, another: { url: "none" } },
    });
    const module = await host.load(extension({ config }));
    expect(await module.call("read")).toEqual({ url: "host", only: 1, deep: { a: 0 } });
    expect(module.manifest.config).toEqual(config);
    const replaced = await host.replace(extension({ config }), { config: { url: "load" } });
    expect(await replaced.call("read")).toEqual({ url: "load", only: 1, deep: { a: 0 } });
  });

  it("must be JSON values within their bounds", async () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    const bad = [[], "x", null, { f() {} }, { n: Number.NaN }, { n: 1n }, circle, { s: "x".repeat(2 ** 20) }];
    for (const each of bad)
      await expect(native().load(extension(), { config: each as never })).rejects.toThrow(TypeError);
    expect(() => new ExtensionHost({ runtimes: [], config: { a: [] as never } })).toThrow("config must be an object");
    await expect(openExtension(extension({ config: [] }))).rejects.toMatchObject({ code: "ERR_EXT_BAD_MANIFEST" });
  });

  it("is refused where the engine cannot give it to guests", async () => {
    const loading = createRuntime(fakeEngine()).load(fakeExtension("example"), { config: {} });
    await expect(loading).rejects.toMatchObject({
      code: "ERR_EXT_UNSUPPORTED",
      message: expect.stringContaining("let them ask for it by a host function"),
    });
  });
});

it("metadata is the host's to read", async () => {
  const { manifest } = await openExtension(extension({ metadata: { team: "billing", tags: ["a"] } }));
  expect(manifest.metadata).toEqual({ team: "billing", tags: ["a"] });
  expect(Object.isFrozen(manifest.metadata.tags)).toBe(true);
  expect((await openExtension(extension())).manifest.metadata).toEqual({});
});
