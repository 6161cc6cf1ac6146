import { describe, expect, it } from "vitest";
import { createRuntime, ExtensionHost, native, type Policy } from "../../dist/index.js";
import { fakeEngine } from "../fake-engine.ts";
import { guest } from "./guests.ts";

async function placed(policy: Policy | undefined, asked?: string, nearest?: "thread") {
  const runtime = native({ placement: nearest });
  const host = new ExtensionHost({ runtimes: [runtime], policy });
  try {
    const module = await host.load(guest("guest", asked === undefined ? {} : { placement: asked }) as never);
    expect(await module.call("echo", 1)).toBe(1);
    return module.placement;
  } finally {
    await host.close();
    await runtime.close();
  }
}

describe("the placement of an extension", () => {
  it("is the farthest of what the runtime, the manifest and the policy say", async () => {
    expect(await placed(undefined)).toBe("inline");
    expect(await placed(undefined, "thread")).toBe("thread");
    expect(await placed(undefined, "inline", "thread")).toBe("thread");
    expect(await placed({ placement: { atLeast: "thread" } })).toBe("thread");
    expect(await placed({ placement: { atLeast: "thread" } }, "process")).toBe("process");
    expect(await placed({ placement: { withoutHardSandbox: "process" } })).toBe("process");
  });

  it("may not be farther than the policy allows", async () => {
    await expect(placed({ placement: { atMost: "thread" } }, "process")).rejects.toMatchObject({
      code: "ERR_EXT_DENIED",
    });
    expect(await placed({ placement: { atMost: "thread" } }, "thread")).toBe("thread");
    const absurd = placed({ placement: { atLeast: "process", atMost: "thread" } });
    await expect(absurd).rejects.toThrow(TypeError);
  });

  it("is the nearest one that keeps what the policy asks for, where that is its remedy", async () => {
    const timed: Policy = { limits: { timeoutMs: 60_000 } };
    await expect(placed(timed)).rejects.toMatchObject({
      code: "ERR_EXT_UNSUPPORTED",
      message: expect.stringMatching(
        /set by the host's policy.* place the extension at "thread".*policy\.placement\.remedy/,
      ),
    });
    expect(await placed({ ...timed, placement: { remedy: "process" } })).toBe("thread");
    const hard: Policy = { require: { deadline: "hard" } };
    expect(await placed({ ...hard, placement: { remedy: "process" } })).toBe("process");
    await expect(placed({ ...hard, placement: { remedy: "thread" } })).rejects.toMatchObject({
      code: "ERR_EXT_DENIED",
    });
    const rules = [{ when: { hardSandbox: false }, placement: { atLeast: "thread" } }] as const;
    expect(await placed({ rules })).toBe("thread");
    expect(await placed({ placement: { remedy: "process" } })).toBe("inline");
  });

  it("decides what a policy's requirements look at", async () => {
    const policy: Policy = { require: { crashIsolation: true } };
    await expect(placed(policy)).rejects.toMatchObject({ code: "ERR_EXT_DENIED" });
    expect(await placed(policy, "process")).toBe("process");
  });
});

describe("a runtime", () => {
  it("promises for each placement what the engine and the place keep together", async () => {
    const runtime = native();
    expect(runtime.capabilities).toMatchObject({
      deadline: false,
      signal: false,
      crashIsolation: false,
      parallel: false,
      sync: true,
    });
    expect(runtime.capabilitiesAt("thread")).toMatchObject({
      deadline: "interpreted",
      signal: "interpreted",
      crashIsolation: false,
      parallel: true,
    });
    expect(runtime.capabilitiesAt("process")).toMatchObject({
      deadline: "hard",
      signal: "hard",
      crashIsolation: true,
      sync: false,
    });
    await runtime.close();
  });

  it("refuses a placement where its engine cannot be made again, with the remedy", async () => {
    expect(() => createRuntime(fakeEngine(), { placement: "thread" })).toThrow(/runs inline only/);
    const registered = native({ functions: { guest: { f: () => 1 } } });
    const source = {
      manifest: { name: "guest", runtime: "native", exports: ["f"], placement: "process" as const },
      files: {},
    };
    await expect(registered.load(source)).rejects.toMatchObject({
      code: "ERR_EXT_UNSUPPORTED",
      message: expect.stringMatching(/put them into the module/),
    });
    await registered.close();
  });

  it.each([
    [{ placement: "moon" }, /placement must be one of inline, thread, process/],
    [{ threads: { max: 0 } }, /threads\.max/],
    [{ processes: { spare: -1 } }, /processes\.spare/],
    [{ processes: { env: { A: 1 } } }, /processes\.env\.A/],
  ])("refuses options that are not as they must be: %j", (options, message) => {
    expect(() => native(options as never)).toThrow(message);
  });
});
