import { describe, expect, it } from "vitest";
import { createRuntime, type Engine } from "../src/engine.ts";
import { ExtensionHost, type Policy, type PolicyRule, strangers } from "../src/index.ts";
import { fakeEngine } from "./fake-engine.ts";

const OPEN = { hardSandbox: false, deadline: false, signal: false, languages: ["basic", "forth"] } as const;

/** A host of two engines: `closed`, a hard sandbox that keeps every limit, and `open`, which is none and keeps no time. */
function mixedHost(policy: Policy) {
  const engine = (name: string, capabilities: Partial<Engine["capabilities"]>) =>
    createRuntime({ ...fakeEngine({ sync: true, capabilities }), name, aliases: [] });
  return new ExtensionHost({ runtimes: [engine("closed", {}), engine("open", OPEN)], policy });
}

const extension = (runtime: string, limits: Record<string, number> = {}) => ({
  manifest: { name: `of-${runtime}`, runtime, module: "code.txt", exports: ["echo"], limits },
  files: { "code.txt": "" },
});

describe("a rule of a policy", () => {
  it.each<[string, PolicyRule["when"], boolean, boolean]>([
    ["a capability", { hardSandbox: false }, false, true],
    ["a capability with several values", { deadline: [false, "interpreted"] }, false, true],
    ["a capability as it is, not at the least", { deadline: "interpreted" }, false, false],
    ["a language", { language: "forth" }, false, true],
    ["one of several languages", { languages: ["none", "forth"] }, true, true],
    ["a runtime", { runtime: "closed" }, true, false],
    ["one of several runtimes", { runtime: ["open", "other"] }, false, true],
    ["a placement", { placement: "inline" }, true, true],
    ["all of it", { runtime: "open", hardSandbox: true }, false, false],
    ["nothing in particular", {}, true, true],
  ])("is for %s", async (_, when, closed, open) => {
    const host = mixedHost({ limits: { maxQueue: 50 }, rules: [{ when, limits: { maxQueue: 7 } }] });
    expect((await host.load(extension("closed"))).limits.maxQueue).toBe(closed ? 7 : 50);
    expect((await host.load(extension("open"))).limits.maxQueue).toBe(open ? 7 : 50);
  });

  it("gives a mixed host limits that each of its engines can keep", async () => {
    const rules: PolicyRule[] = [{ when: { deadline: ["interpreted", "hard"] }, limits: { timeoutMs: 1000 } }];
    const host = mixedHost({ limits: { memoryMb: 64 }, rules });
    expect((await host.load(extension("closed"))).limits).toMatchObject({ timeoutMs: 1000, memoryMb: 64 });
    expect((await host.load(extension("open"))).limits).toMatchObject({ timeoutMs: undefined, memoryMb: 64 });
  });

  it("bounds what a manifest may ask for, and says which rule does", async () => {
    const host = mixedHost({
      limits: { maxInstances: 2 },
      rules: [
        { when: { hardSandbox: true }, limits: { maxInstances: 4, timeoutMs: 100 } },
        { when: { runtime: "closed" }, limits: { timeoutMs: 200 } },
      ],
    });
    await expect(host.load(extension("closed", { timeoutMs: 201 }))).rejects.toMatchObject({
      code: "ERR_EXT_DENIED",
      message: expect.stringMatching(/limits\.timeoutMs of 201, and the host allows 200 .*policy\.rules\[1\]\.limits/),
    });
    await expect(host.load(extension("open", { maxInstances: 3 }))).rejects.toThrow(
      /allows 2 at the most \(policy\.limits/,
    );
    const asks = { timeoutMs: 150, maxInstances: 4 };
    expect((await host.load(extension("closed", asks))).limits).toMatchObject(asks);
  });

  it("requires besides what the policy does", async () => {
    const host = mixedHost({
      require: { memoryLimit: true },
      rules: [
        { when: { language: "none" }, require: { deadline: "hard" } },
        { when: { language: "basic" }, require: { hardSandbox: true } },
      ],
    });
    await host.load(extension("closed"));
    await expect(host.load(extension("open"))).rejects.toMatchObject({
      code: "ERR_EXT_DENIED",
      message: expect.stringMatching(/requires hardSandbox to be true, and it is false in the open runtime/),
    });
  });

  it("narrows strangers() for one engine", async () => {
    const { rules, require } = strangers({ rules: [{ when: { runtime: "v8" }, limits: { timeoutMs: 50 } }] });
    expect(rules).toEqual([{ when: { runtime: "v8" }, limits: { timeoutMs: 50 } }]);
    expect(require).toMatchObject({ hardSandbox: true });
  });
});

describe("a limit that an engine cannot keep", () => {
  it("is refused where the policy names no remedy, with who set it and what to do", async () => {
    const host = mixedHost({ limits: { timeoutMs: 100 } });
    await expect(host.load(extension("open"))).rejects.toMatchObject({
      code: "ERR_EXT_UNSUPPORTED",
      message: expect.stringMatching(/limits\.timeoutMs of 100, set by the host's policy, at placement inline/),
    });
  });

  it("is refused, too, where no placement is a remedy", async () => {
    const host = mixedHost({ limits: { timeoutMs: 100 }, placement: { remedy: "process" } });
    await expect(host.load(extension("open"))).rejects.toMatchObject({ code: "ERR_EXT_UNSUPPORTED" });
    const strict = mixedHost({ require: { deadline: "hard" }, placement: { remedy: "process" } });
    await expect(strict.load(extension("open"))).rejects.toThrow(/nor does it run so at another one up to process/);
  });
});

describe("a policy that is not as it must be", () => {
  it.each<[object, RegExp]>([
    [
      { require: { supportsAbort: true } },
      /policy\.require\.supportsAbort is not known; did you mean deadline and signal/,
    ],
    [{ require: { acceptsLanguages: ["x"] } }, /did you mean languages\?/],
    [{ require: { hardSandBox: true } }, /did you mean hardSandbox\?/],
    [{ rule: [] }, /policy\.rule is not known; did you mean rules\?/],
    [{ rules: [{ limits: {} }] }, /policy\.rules\[0\]\.when must be an object/],
    [{ rules: [{ when: { runtimes: ["v8"] } }] }, /rules\[0\]\.when\.runtimes is not known; did you mean runtime\?/],
    [{ rules: [{ when: {} }, { when: {}, allow: () => true }] }, /rules\[1\]\.allow is not known; known are require/],
    [
      { rules: [{ when: {}, limits: { pool: 1 } }] },
      /limits\.pool is not a limit: it has the name limits\.maxInstances/,
    ],
    [{ limits: { queue: 1 } }, /limits\.queue is not a limit: it has the name limits\.maxQueue/],
    [{ placement: { atleast: "thread" } }, /policy\.placement\.atleast is not known/],
    [{ placement: { remedy: "moon" } }, /policy\.placement\.remedy must be one of inline, thread, process/],
    [
      { placement: { remedy: "process", atMost: "thread" } },
      /atMost is "thread", nearer than what the policy asks for/,
    ],
  ])("is refused when the host is made: %j", (policy, message) => {
    expect(() => mixedHost(policy as Policy)).toThrow(TypeError);
    expect(() => mixedHost(policy as Policy)).toThrow(message);
  });
});
