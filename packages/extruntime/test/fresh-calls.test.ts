import { describe, expect, it } from "vitest";
import { type CompileContext, createRuntime, type Engine } from "../src/engine.ts";
import { ExtensionHost } from "../src/index.ts";
import { fakeEngine, fakeExtension } from "./fake-engine.ts";

interface Seen {
  readonly engine: Engine;
  /** Of each program, in the order of their loads. */
  readonly fresh: (boolean | undefined)[];
}

/** An engine that keeps fresh calls, or does not, and what it was asked for. */
function engineThat(freshCalls: boolean, more: Partial<Engine> = {}): Seen {
  const fresh: (boolean | undefined)[] = [];
  const engine = fakeEngine({ sync: true, capabilities: { freshCalls } });
  const compile = engine.compile.bind(engine);
  engine.compile = (extension, context: CompileContext) => {
    fresh.push(context.fresh);
    return compile(extension, context);
  };
  return { engine: Object.assign(engine, more), fresh };
}

const asking = () => fakeExtension("example", { fresh: "call" });

describe("limits.fresh", () => {
  it("is told to an engine that keeps it, whoever asks, and to none that nobody asks", async () => {
    const { engine, fresh } = engineThat(true);
    const runtime = createRuntime(engine);
    expect((await runtime.load(asking())).limits.fresh).toBe("call");
    expect((await runtime.load(fakeExtension(), { limits: { fresh: "call" } })).limits.fresh).toBe("call");
    expect((await runtime.load(fakeExtension(), { fresh: true })).limits.fresh).toBe("call");
    expect((await createRuntime(engine, { limits: { fresh: "call" } }).load(fakeExtension())).limits.fresh).toBe(
      "call",
    );
    expect((await runtime.load(fakeExtension())).limits.fresh).toBeUndefined();
    expect(fresh).toEqual([true, true, true, true, false]);
  });

  it("is kept in one instance, which the engine puts back", async () => {
    const { engine } = engineThat(true);
    const module = await createRuntime(engine).load(fakeExtension(), { fresh: true });
    for (let i = 0; i < 10; i++) expect(await module.call("echo", i)).toBe(i);
    expect(module.stats().instancesCreated).toBe(1);
  });

  it("is refused where the engine does not keep it, with who asked and the remedy", async () => {
    const { engine } = engineThat(false);
    await expect(createRuntime(engine).load(asking())).rejects.toMatchObject({
      code: "ERR_EXT_UNSUPPORTED",
      message:
        'example: the fake runtime cannot keep limits.fresh of "call", set by its manifest, at placement inline (its capabilities.freshCalls is false): leave it out, or run the extension in an engine that can keep it',
    });
    const host = new ExtensionHost({ runtimes: [createRuntime(engine)], policy: { limits: { fresh: "call" } } });
    await expect(host.load(fakeExtension())).rejects.toMatchObject({
      code: "ERR_EXT_UNSUPPORTED",
      message: expect.stringContaining("set by the host's policy"),
    });
    await host.close();
  });

  it("comes from a policy, or from a rule of it for engines that keep it", async () => {
    const [able, unable] = [engineThat(true), engineThat(false, { name: "other", aliases: [] })];
    const host = new ExtensionHost({
      runtimes: [createRuntime(able.engine), createRuntime(unable.engine)],
      policy: { rules: [{ when: { freshCalls: true }, limits: { fresh: "call" } }] },
    });
    await host.load(fakeExtension("first"));
    const { manifest, files } = fakeExtension("second");
    await host.load({ manifest: { ...manifest, runtime: "other" }, files });
    expect([able.fresh, unable.fresh]).toEqual([[true], [false]]);
    await host.close();
  });

  it("of a load is an instance for each call where the engine does not keep it", async () => {
    const { engine, fresh } = engineThat(false);
    const module = await createRuntime(engine).load(fakeExtension(), { fresh: true });
    for (let i = 0; i < 3; i++) expect(await module.call("echo", i)).toBe(i);
    expect(module.stats().instancesCreated).toBeGreaterThan(2);
    expect([module.limits.fresh, fresh]).toEqual([undefined, [false]]);
    const keeping = createRuntime(engineThat(false, { keepsState: true }).engine);
    await expect(keeping.load(fakeExtension(), { fresh: true })).rejects.toMatchObject({ code: "ERR_EXT_UNSUPPORTED" });
  });

  it('is "call" and nothing else', async () => {
    const runtime = createRuntime(engineThat(true).engine);
    await expect(runtime.load(fakeExtension("example", { fresh: "load" }))).rejects.toMatchObject({
      code: "ERR_EXT_BAD_MANIFEST",
      message: expect.stringContaining('"limits.fresh" must be "call"'),
    });
    const given = { limits: { fresh: true as unknown as "call" } };
    await expect(runtime.load(fakeExtension(), given)).rejects.toThrow('limits.fresh must be "call", and is true');
    expect(() => new ExtensionHost({ runtimes: [], policy: given })).toThrow(TypeError);
  });
});
