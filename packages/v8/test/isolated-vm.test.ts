import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { v8 } from "../src/index.ts";
import { fittingVersion } from "../src/isolate/isolated-vm.ts";
import { tryInChild } from "../src/isolate/probe-child.ts";

/** A project that has this package's build and the core, and no isolated-vm but what a test puts there. */
let project: string;
let factory: { v8: typeof v8 };
let broken: { v8: typeof v8 };

const source = {
  manifest: { name: "a", runtime: "v8", module: "a.js", exports: ["f"] },
  files: { "a.js": "function f() {}" },
};
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

async function makeProject(name: string): Promise<string> {
  const dir = join(project, name, "node_modules");
  await mkdir(join(dir, "@extruntime"), { recursive: true });
  await cp(here("../dist"), join(dir, "@extruntime", "v8", "dist"), { recursive: true });
  await cp(here("../package.json"), join(dir, "@extruntime", "v8", "package.json"));
  const core = JSON.stringify(new URL("../../extruntime/dist/engine.js", import.meta.url).href);
  await mkdir(join(dir, "extruntime"));
  await writeFile(
    join(dir, "extruntime", "package.json"),
    '{ "name": "extruntime", "type": "module", "exports": { "./engine": "./engine.js" } }',
  );
  await writeFile(join(dir, "extruntime", "engine.js"), `export * from ${core}`);
  return dir;
}

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "extruntime-v8-"));
  const without = await makeProject("without");
  factory = await import(pathToFileURL(join(without, "@extruntime", "v8", "dist", "index.js")).href);
  const unbuilt = await makeProject("unbuilt");
  await mkdir(join(unbuilt, "isolated-vm"));
  await writeFile(
    join(unbuilt, "isolated-vm", "package.json"),
    '{ "name": "isolated-vm", "version": "5.0.4", "main": "index.js" }',
  );
  await writeFile(join(unbuilt, "isolated-vm", "index.js"), 'require("./out/isolated_vm")');
  broken = await import(pathToFileURL(join(unbuilt, "@extruntime", "v8", "dist", "index.js")).href);
});
afterAll(() => rm(project, { recursive: true }));

test("without isolated-vm the package is imported, and a load says what to install", async () => {
  const runtime = factory.v8();
  expect(runtime.name).toBe("v8");
  await expect(runtime.load(source)).rejects.toMatchObject({
    code: "ERR_EXT_UNSUPPORTED",
    message: expect.stringMatching(/isolated-vm is not installed .* Node \d+.* npm install isolated-vm@\d/),
  });
});

test("an isolated-vm that was installed without its binary is told as such", async () => {
  await expect(broken.v8().load(source)).rejects.toMatchObject({
    code: "ERR_EXT_UNSUPPORTED",
    message: expect.stringMatching(
      /isolated-vm 5\.0\.4 is installed and cannot be loaded: Cannot find module .*npm install isolated-vm@/,
    ),
  });
});

test.each([
  ["20.19.0", 5],
  ["22.1.0", 6],
  ["23.0.0", 6],
  ["24.0.0", 7],
  ["26.1.0", 7],
])("Node %s goes with isolated-vm %i", (node, version) => {
  expect(fittingVersion(node)).toBe(version);
});

test("the trial tells how a child process ended", async () => {
  const bad = join(project, "bad.cjs");
  await writeFile(bad, "process.kill(process.pid, 'SIGSEGV')");
  expect(await tryInChild(bad)).toBe("was ended by SIGSEGV");
  await writeFile(bad, "throw new Error('no')");
  expect(await tryInChild(bad)).toBe("failed with 1");
});

test("options that are not as they must be are refused when they are given", () => {
  expect(() => v8({ intl: "yes" as unknown as boolean })).toThrow(TypeError);
});

test("the capabilities are those of isolates in this process", () => {
  expect(v8().capabilities).toMatchObject({
    hardSandbox: true,
    deadline: "interpreted",
    signal: "interpreted",
    crashIsolation: false,
    memoryLimit: true,
    parallel: true,
    sync: true,
    hostFunctions: true,
    freshCalls: false,
  });
});
