import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, parse } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { discoverRuntimes, ExtensionHost } from "../src/index.ts";

// The engines of a made-up project import the built package, so the host sees another copy of it than they do.
const engineModule = new URL("../dist/engine.js", import.meta.url).href;
let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "extruntime-test-"));
  (globalThis as Record<symbol, unknown>)[Symbol.for("extruntime.engines")] = undefined;
});
afterEach(() => rm(root, { recursive: true }));

async function install(name: string, register: string, dir = root): Promise<void> {
  const folder = join(dir, "node_modules", name);
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, "package.json"),
    JSON.stringify({ name, type: "module", extruntime: { register: "./engine.js" } }),
  );
  await writeFile(join(folder, "engine.js"), register);
}

function registration(name: string, pkg: string, more = ""): string {
  return `import { createRuntime, registerEngine, ExtensionError } from ${JSON.stringify(engineModule)};
const capabilities = { languages: [], hardSandbox: false, nativeAddon: false, deadline: false, signal: false, crashIsolation: false, memoryLimit: false, parallel: false, sync: true };
const engine = { engineVersion: 2, name: ${JSON.stringify(name)}, aliases: [], capabilities, pool: { size: 1 }, compile() {} };
registerEngine({ name: engine.name, package: ${JSON.stringify(pkg)}, create: (options) => createRuntime(engine, options), ${more} });`;
}

describe("discoverRuntimes", () => {
  it("finds nothing but native in an empty folder, and says how to get the rest", async () => {
    const { runtimes, unavailable } = await discoverRuntimes({ from: root });
    expect(runtimes.map((runtime) => runtime.name)).toEqual(["native"]);
    expect(unavailable.map((engine) => engine.name)).toEqual(["pyvm", "pywasm", "quickjs", "v8", "wasm"]);
    expect(unavailable[2]).toMatchObject({
      reason: "the package @extruntime/quickjs is not installed",
      remedy: "Run: npm install @extruntime/quickjs",
    });
  });

  it("finds the engines of the scope, and those that the project depends on, from a folder below", async () => {
    await install("@extruntime/one", registration("one", "@extruntime/one"));
    await install("lua-engine", registration("lua", "lua-engine"));
    await install("unrelated-engine", registration("unrelated", "unrelated-engine"));
    await writeFile(join(root, "package.json"), JSON.stringify({ dependencies: { "lua-engine": "1" } }));
    const deep = join(root, "src", "deep");
    await mkdir(deep, { recursive: true });
    const found = await discoverRuntimes({ from: deep });
    expect(found.runtimes.map((runtime) => runtime.name)).toEqual(["lua", "native", "one"]);
    new ExtensionHost(found);
  });

  it("finds them from the program's main file, wherever it was started, and from a module's own address", async () => {
    await install("@extruntime/one", registration("one", "@extruntime/one"));
    const main = join(root, "main.mjs");
    const core = JSON.stringify(new URL("../dist/index.js", import.meta.url).href);
    await writeFile(
      main,
      `import { discoverRuntimes } from ${core};
const { runtimes } = await discoverRuntimes();
console.log(JSON.stringify(runtimes.map((runtime) => runtime.name)));`,
    );
    const printed = execFileSync(process.execPath, [main], { cwd: parse(root).root, encoding: "utf8" });
    expect(JSON.parse(printed)).toEqual(expect.arrayContaining(["native", "one"]));
    const own = await discoverRuntimes({ from: pathToFileURL(main).href });
    expect(own.runtimes.map((runtime) => runtime.name)).toEqual(["native", "one"]);
    expect((await discoverRuntimes({ from: pathToFileURL(main) })).runtimes).toHaveLength(2);
  });

  it("takes the real engine before its stub, and keeps the reason when it has to take the stub", async () => {
    const stub = registration("pyvm", "@extruntime/pyvm-stub", "stub: true").replace(
      "pool:",
      "unavailable: 'this is the stub', pool:",
    );
    await install("@extruntime/pyvm-stub", stub);
    await install("@extruntime/pyvm", registration("pyvm", "@extruntime/pyvm"));
    const good = await discoverRuntimes({ from: root });
    expect(good.runtimes.find((runtime) => runtime.name === "pyvm")).toMatchObject({ unavailable: undefined });
    expect(good.unavailable.some((engine) => engine.name === "pyvm")).toBe(false);

    const failing = "probe: () => Promise.reject(new ExtensionError('ERR_EXT_UNSUPPORTED', 'no CPython was found'))";
    await rm(join(root, "node_modules", "@extruntime", "pyvm"), { recursive: true });
    const fresh = await mkdtemp(join(root, "fresh-"));
    await install("@extruntime/pyvm-stub", stub, fresh);
    await install("@extruntime/pyvm", registration("pyvm", "@extruntime/pyvm", failing), fresh);
    const bad = await discoverRuntimes({ from: fresh });
    expect(bad.runtimes.find((runtime) => runtime.name === "pyvm")).toMatchObject({ unavailable: "this is the stub" });
    expect(bad.unavailable.filter((engine) => engine.name === "pyvm")).toMatchObject([
      { package: "@extruntime/pyvm", reason: "no CPython was found" },
    ]);
  });

  it("reports a package that fails to load, and goes on", async () => {
    await install("@extruntime/broken", "throw new Error('half installed')");
    await install("@extruntime/one", registration("one", "@extruntime/one"));
    const { runtimes, unavailable } = await discoverRuntimes({ from: root });
    expect(runtimes.map((runtime) => runtime.name)).toContain("one");
    expect(unavailable).toContainEqual(
      expect.objectContaining({
        package: "@extruntime/broken",
        reason: "@extruntime/broken failed to load: half installed",
      }),
    );
  });

  it("does not hide a wrong setting", async () => {
    await install(
      "@extruntime/one",
      registration("one", "@extruntime/one").replace("size: 1", "size: 1, env: 'EXTRUNTIME_TEST_WRONG'"),
    );
    process.env.EXTRUNTIME_TEST_WRONG = "many";
    try {
      await expect(discoverRuntimes({ from: root })).rejects.toThrow(TypeError);
    } finally {
      delete process.env.EXTRUNTIME_TEST_WRONG;
    }
  });

  it("gives the factories its options", async () => {
    await install("@extruntime/one", registration("one", "@extruntime/one"));
    await expect(discoverRuntimes({ from: root, runtime: { placement: "moon" as never } })).rejects.toThrow(
      /placement must be one of inline, thread, process/,
    );
  });
});
