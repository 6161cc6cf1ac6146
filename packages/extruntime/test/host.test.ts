import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, expectTypeOf, it } from "vitest";
import { createRuntime } from "../src/engine.ts";
import { type ExtensionError, type ExtensionFiles, ExtensionHost, native } from "../src/index.ts";
import { fakeEngine, fakeExtension, turn } from "./fake-engine.ts";

function script(name: string, body = "return value;"): ExtensionFiles {
  return {
    manifest: { name, runtime: "native", module: "main.js", exports: ["run"] },
    files: { "main.js": `export function run(value) { ${body} }` },
  };
}

describe("a host", () => {
  it("loads from memory, finds by name, calls, and closes", async () => {
    const host = new ExtensionHost({ runtimes: [native()] });
    const module = await host.load(script("one"));
    expect(host.get("one")).toBe(module);
    expect(await host.invoke("one", "run", "[1]")).toBe("[1]");
    expect(await host.call("one", "run", { a: 1 })).toEqual({ a: 1 });
    expect(host.names).toEqual(["one"]);
    await Promise.all([host.close(), host.close({ abort: true })]);
    expect(module.closed).toBe(true);
    for (const call of [
      host.load(script("two")),
      host.loadDir("."),
      host.invoke("one", "run", "1"),
      host.call("one", "run"),
    ])
      await expect(call).rejects.toMatchObject({ code: "ERR_EXT_CLOSED" });
  });

  it("offers its functions to all that it loads, each by the names that its manifest asks for", async () => {
    const hostFunctions = {
      greet: (name: string, { extension }: { extension: string }) => `${extension} greets ${name}`,
    };
    const host = new ExtensionHost({ runtimes: [native()], hostFunctions });
    const asking = (name: string, permissions: string[]): ExtensionFiles => ({
      manifest: { name, runtime: "native", module: "main.js", exports: ["run"], permissions },
      files: { "main.js": "export const run = (value, { host }) => host.call('greet', value);" },
    });
    await host.load(asking("one", ["greet"]));
    expect(await host.call("one", "run", "Ada")).toBe("one greets Ada");
    await expect(host.load(asking("two", ["greet", "launch"]))).rejects.toMatchObject({ code: "ERR_EXT_DENIED" });
    await host.close();
  });

  it("keeps the first of two of one name, also while it is loading, and takes the name again once it is closed", async () => {
    const host = new ExtensionHost({ runtimes: [native()] });
    const [first, second] = await Promise.allSettled([
      host.load(script("one", "return 1")),
      host.load(script("one", "return 2")),
    ]);
    expect(first.status).toBe("fulfilled");
    expect(second).toMatchObject({
      reason: {
        code: "ERR_EXT_DUPLICATE",
        message: expect.stringMatching(/^one: an extension of this name is loaded already/),
      },
    });
    await expect(host.load(script("one"))).rejects.toMatchObject({ code: "ERR_EXT_DUPLICATE" });
    expect(await host.call("one", "run")).toBe(1);
    await host.get("one")!.close();
    expect(host.get("one")).toBeUndefined();
    await expect(host.call("one", "run")).rejects.toMatchObject({ code: "ERR_EXT_NOT_FOUND" });
    await host.load(script("one", "return 3"));
    expect(await host.call("one", "run")).toBe(3);
  });

  it("says what is loaded when asked for what is not", async () => {
    const host = new ExtensionHost({ runtimes: [native()] });
    await expect(host.invoke("x", "run", "1")).rejects.toThrow('no extension named "x" is loaded; loaded are: none');
    await host.load(script("one"));
    await expect(host.call("x", "run")).rejects.toThrow("loaded are: one");
  });

  it("says why a runtime is not there", async () => {
    const unavailable = [
      {
        name: "lua",
        aliases: ["luajit"],
        package: "lua-engine",
        reason: "it is not installed",
        remedy: "Run: npm install lua-engine",
      },
    ];
    const host = new ExtensionHost({ runtimes: [native()], unavailable });
    const lua = {
      manifest: { ...(script("one").manifest as object), runtime: "luajit" },
      files: script("one").files,
    } as ExtensionFiles;
    await expect(host.load(lua)).rejects.toMatchObject({
      code: "ERR_EXT_UNKNOWN_RUNTIME",
      message:
        'one: its manifest names the runtime "luajit", which this host does not have: it is not installed. Run: npm install lua-engine (it has: native)',
    });
  });

  it("takes one runtime of a name, and of this contract", () => {
    expect(() => new ExtensionHost({ runtimes: [native(), native()] })).toThrow(TypeError);
    const old = Object.create(native(), { contractVersion: { value: 0 } });
    expect(() => new ExtensionHost({ runtimes: [old] })).toThrow(/contract version 2, and native has 0/);
  });

  it("shares one bound on live instances between its modules", async () => {
    const engine = fakeEngine();
    const host = new ExtensionHost({ runtimes: [createRuntime(engine)], maxInstances: 2 });
    for (let i = 0; i < 5; i++) await host.load(fakeExtension(`m${i}`));
    expect(engine.closed).toEqual([0, 1, 2]);
    await host.close();
  });

  it("waits for running calls at close", async () => {
    const engine = fakeEngine();
    const host = new ExtensionHost({ runtimes: [createRuntime(engine)] });
    await host.load(fakeExtension("m"));
    const call = host.invoke("m", "wait", "1");
    await turn();
    const closing = host.close();
    engine.open[0]!.resolve("1");
    expect(await call).toBe("1");
    await closing;
  });
});

describe("loadDir", () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "extruntime-test-"));
  });
  afterEach(() => rm(root, { recursive: true }));

  async function folder(
    name: string,
    manifest: object | string | undefined,
    code = "export function run() { return 1 }",
  ): Promise<void> {
    await mkdir(join(root, name));
    if (manifest !== undefined)
      await writeFile(
        join(root, name, "extension.json"),
        typeof manifest === "string" ? manifest : JSON.stringify(manifest),
      );
    await writeFile(join(root, name, "main.mjs"), code);
  }
  const manifest = (name: string, more: object = {}) => ({
    name,
    runtime: "native",
    module: "main.mjs",
    exports: ["run"],
    ...more,
  });

  it("loads in name order, and reports each bad one without stopping", async () => {
    await folder("b-good", manifest("b"));
    await folder("a-good", manifest("a"));
    await folder("c-duplicate", manifest("a"));
    await folder("d-not-json", "{");
    await folder("e-no-extension", undefined);
    await folder("f-throws", manifest("f"), "throw new RangeError('no')");
    await folder("g-unknown", manifest("g", { runtime: "cobol" }));
    await folder("h-good", manifest("h"));
    await writeFile(join(root, "file"), "");
    const host = new ExtensionHost({ runtimes: [native()] });
    const report = await host.loadDir(root);
    expect(report.loaded.map((module) => module.name)).toEqual(["a", "b", "h"]);
    expect(report.failed.map(({ dir, error }) => [dir.slice(root.length + 1), error.code])).toEqual([
      ["c-duplicate", "ERR_EXT_DUPLICATE"],
      ["d-not-json", "ERR_EXT_BAD_MANIFEST"],
      ["f-throws", "ERR_EXT_GUEST"],
      ["g-unknown", "ERR_EXT_UNKNOWN_RUNTIME"],
    ]);
    expect(host.names).toEqual(["a", "b", "h"]);
  });

  it("tells what a policy function throws as an ExtensionError, in the types too", async () => {
    await folder("a", manifest("a"));
    const broken = new Error("the database is away");
    const host = new ExtensionHost({ runtimes: [native()], policy: { allow: () => Promise.reject(broken) } });
    const { failed } = await host.loadDir(root);
    expectTypeOf(failed[0]!.error).toEqualTypeOf<ExtensionError>();
    expect(failed).toMatchObject([{ error: { name: "ExtensionError", code: "ERR_EXT_DENIED", cause: broken } }]);
    expect(failed[0]!.error.message).toContain("the database is away");
  });

  it("fails where the folder itself cannot be read", async () => {
    const host = new ExtensionHost({ runtimes: [] });
    await expect(host.loadDir(join(root, "missing"))).rejects.toMatchObject({ code: "ERR_EXT_NOT_FOUND" });
  });
});

describe("a policy", () => {
  const denied = (message: RegExp) => ({ code: "ERR_EXT_DENIED", message: expect.stringMatching(message) });
  const host = (policy: object, capabilities = {}) =>
    new ExtensionHost({ runtimes: [native(), createRuntime(fakeEngine({ capabilities }))], policy });

  it("decides by the runtime's name", async () => {
    const strict = host({ runtimes: ["fake"] });
    await strict.load(fakeExtension());
    await expect(strict.load(script("one"))).rejects.toMatchObject(
      denied(/^one: the host allows the runtimes fake, and this one is native$/),
    );
  });

  it("is not fooled by an alias", async () => {
    const { manifest, files } = fakeExtension();
    await expect(
      host({ runtimes: ["fictive"] }).load({ manifest: { ...manifest, runtime: "fictive" }, files }),
    ).rejects.toMatchObject(denied(/this one is fake/));
  });

  it("decides by capability", async () => {
    const strict = host({ require: { hardSandbox: true } });
    await strict.load(fakeExtension());
    await expect(strict.load(script("one"))).rejects.toMatchObject(
      denied(/requires hardSandbox to be true, and it is false in the native runtime/),
    );
    await expect(
      host({ require: { deadline: "hard", signal: "hard" } }, { deadline: "interpreted", signal: "interpreted" }).load(
        fakeExtension(),
      ),
    ).rejects.toMatchObject(denied(/deadline/));
    await host(
      { require: { deadline: "interpreted", signal: "interpreted" } },
      { deadline: "hard", signal: "hard" },
    ).load(fakeExtension());
    await host({ require: { languages: ["none", "other"] } }).load(fakeExtension());
    await expect(host({ require: { languages: ["other"] } }).load(fakeExtension())).rejects.toMatchObject(
      denied(/languages/),
    );
  });

  it("decides by a function, which may give the reason and may be asynchronous", async () => {
    await expect(host({ allow: () => false }).load(fakeExtension())).rejects.toMatchObject(
      denied(/policy function refused it/),
    );
    await expect(host({ allow: async () => "not on Sundays" }).load(fakeExtension())).rejects.toMatchObject(
      denied(/^example: not on Sundays$/),
    );
    const seen: unknown[] = [];
    await host({ allow: (...args: unknown[]) => seen.push(args) > 0 }).load(fakeExtension());
    expect(seen).toMatchObject([[{ name: "example" }, { hardSandbox: true }]]);
    const broken = new Error("the database is away");
    await expect(host({ allow: () => Promise.reject(broken) }).load(fakeExtension())).rejects.toBe(broken);
  });

  it("bounds limits: more is refused, nothing becomes the bound", async () => {
    const bounded = host({ limits: { timeoutMs: 5 } });
    await expect(bounded.load(fakeExtension("a", { timeoutMs: 6 }))).rejects.toMatchObject(
      denied(/asks for limits\.timeoutMs of 6, and the host allows 5/),
    );
    const module = await bounded.load(fakeExtension("b"));
    await expect(module.invoke("wait", "1")).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
    await expect(bounded.load(script("c"))).rejects.toMatchObject({ code: "ERR_EXT_UNSUPPORTED" });
  });
});
