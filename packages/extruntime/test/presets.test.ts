import { describe, expect, it } from "vitest";
import { quickjs } from "../../quickjs/dist/index.js";
import { wasm } from "../../wasm/dist/index.js";
// The built packages: instances in threads start from what is built.
import { ExtensionHost, native, type Policy, strangers, trusted } from "../dist/index.js";

const script = (name: string, runtime: string, body: string, limits = {}) => ({
  manifest: { name, runtime, module: "main.js", exports: ["run"], limits },
  files: {
    "main.js": runtime === "native" ? `export function run(value) { ${body} }` : `function run(value) { ${body} }`,
  },
});

async function withHost(policy: Policy | undefined, run: (host: ExtensionHost, warnings: string[]) => Promise<void>) {
  const warnings: string[] = [];
  const runtimes = [native(), quickjs(), wasm()];
  const host = new ExtensionHost({ runtimes, policy, logger: { warn: (message) => warnings.push(message) } });
  try {
    await run(host, warnings);
  } finally {
    await host.close({ abort: true });
    await Promise.all(runtimes.map((runtime) => runtime.close({ abort: true })));
  }
}

describe("strangers()", () => {
  it("keeps the event loop free of a guest that never ends, and ends it", () =>
    withHost(strangers(), async (host) => {
      const module = await host.load(script("endless", "quickjs", "for (;;);"));
      expect(module.placement).toBe("thread");
      let turns = 0;
      const timer = setInterval(() => turns++, 1);
      await expect(host.call("endless", "run")).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
      clearInterval(timer);
      expect(turns).toBeGreaterThan(10);
    }));

  it("bounds memory and answers", () =>
    withHost(strangers(), async (host) => {
      await host.load(
        script("hungry", "quickjs", "const kept = []; for (;;) kept.push('x'.repeat(1 << 20) + kept.length);"),
      );
      await expect(host.call("hungry", "run", null, { timeoutMs: 100_000 })).rejects.toMatchObject({
        code: "ERR_EXT_MEMORY",
      });
      await host.load(script("long", "quickjs", "return 'x'.repeat(2 << 20);"));
      await expect(host.call("long", "run", null, { timeoutMs: 100_000 })).rejects.toMatchObject({
        code: "ERR_EXT_BAD_RESULT",
        message: /resultBytes.*1048576/,
      });
    }));

  it("refuses an engine that is no sandbox, and an extension that asks for more", () =>
    withHost(strangers({ limits: { timeoutMs: 200 } }), async (host) => {
      await expect(host.load(script("open", "native", "return 1;"))).rejects.toMatchObject({
        code: "ERR_EXT_DENIED",
        message: /hardSandbox/,
      });
      await expect(host.load(script("slow", "quickjs", "", { timeoutMs: 201 }))).rejects.toMatchObject({
        code: "ERR_EXT_DENIED",
        message: /timeoutMs of 201.*200 at the most/,
      });
      await host.load(script("fits", "quickjs", "return value;", { timeoutMs: 200 }));
    }));

  it("can be told another placement, runtimes and the last word", () =>
    withHost(
      strangers({ placement: "process", runtimes: ["quickjs"], allow: ({ name }) => name !== "bad" }),
      async (host) => {
        expect((await host.load(script("good", "quickjs", "return value;"))).placement).toBe("process");
        expect(await host.call("good", "run", 1, { timeoutMs: 100_000 })).toBe(1);
        await expect(host.load(script("bad", "quickjs", "return value;"))).rejects.toMatchObject({
          code: "ERR_EXT_DENIED",
        });
        await expect(host.load(script("other", "wasm", ""))).rejects.toMatchObject({ code: "ERR_EXT_DENIED" });
      },
    ));

  it("takes no limit that it does not know", () => {
    expect(() => strangers({ limits: { timeoutMS: 1 } as never })).toThrow(/limits.timeoutMS is not a limit/);
  });
});

describe("a host", () => {
  const folder = new URL("../../../fixtures/validate-email/", import.meta.url);

  it("without a policy says once what an extension from a folder can do", () =>
    withHost(undefined, async (host, warnings) => {
      await host.loadDir(folder);
      expect(warnings).toEqual([
        expect.stringMatching(/^this host has no policy, so an extension can .*strangers\(\)/),
      ]);
    }));

  it.each([
    ["trusted()", trusted()],
    ["strangers()", strangers()],
  ])("with %s says nothing", (_, policy) =>
    withHost(policy, async (host, warnings) => {
      await host.loadDir(folder);
      expect(warnings).toEqual([]);
    }),
  );

  it("trusted() takes limits and a placement", () =>
    withHost(trusted({ limits: { timeoutMs: 50_000 }, placement: { atLeast: "thread" } }), async (host) => {
      expect((await host.load(script("one", "quickjs", "return 1;"))).placement).toBe("thread");
    }));
});
