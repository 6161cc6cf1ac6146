import { cp, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ExtensionHost, native, type Watch, type WatchEvent } from "../src/index.ts";

let root: string;
let host: ExtensionHost;
let watch: Watch;
let events: WatchEvent[];
/** Resolves with the next event that fits. */
let next: (type: WatchEvent["type"], folder: string) => Promise<WatchEvent>;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "extruntime-watch-"));
  host = new ExtensionHost({ runtimes: [native()] });
  events = [];
  const waiting = new Set<() => void>();
  next = (type, folder) =>
    new Promise((resolve) => {
      const look = () => {
        const at = events.findIndex((event) => event.type === type && event.dir === join(root, folder));
        if (at < 0) return;
        waiting.delete(look);
        resolve(...(events.splice(at, 1) as [WatchEvent]));
      };
      waiting.add(look);
      look();
    });
  await extension("one", "one", "return 1");
  watch = await host.watch(root, {
    onEvent: (event) => {
      events.push(event);
      for (const look of waiting) look();
    },
  });
});
afterEach(async () => {
  await host.close();
  await rm(root, { recursive: true });
});

async function extension(folder: string, name: string, body: string): Promise<void> {
  await mkdir(join(root, folder), { recursive: true });
  await writeFile(join(root, folder, "main.js"), `export function run() { ${body} }`);
  await writeFile(join(root, folder, "extension.json"), manifest(name));
}

const manifest = (name: string) => JSON.stringify({ name, runtime: "native", module: "main.js", exports: ["run"] });

it("what was there is loaded, what comes is loaded, and what goes is closed", async () => {
  expect(watch.report.loaded.map((module) => module.name)).toEqual(["one"]);
  await extension("two", "two", "return 2");
  await next("loaded", "two");
  expect(await host.call("two", "run")).toBe(2);
  await rm(join(root, "two"), { recursive: true });
  await next("removed", "two");
  expect(host.names).toEqual(["one"]);
});

it("a change of the manifest replaces; one that does not load is told, and the old one goes on; a mended one takes its place", async () => {
  await writeFile(join(root, "one", "main.js"), "export const run = () => 10;");
  await next("replaced", "one");
  expect(await host.call("one", "run")).toBe(10);
  await writeFile(join(root, "one", "extension.json"), "{");
  expect(await next("failed", "one")).toMatchObject({ error: { code: "ERR_EXT_BAD_MANIFEST" } });
  expect(await host.call("one", "run")).toBe(10);
  await writeFile(join(root, "one", "extension.json"), manifest("one"));
  await next("replaced", "one");
});

it("a name that changes, and a folder that is renamed, leave one extension", async () => {
  await writeFile(join(root, "one", "extension.json"), manifest("uno"));
  await next("loaded", "one");
  await next("removed", "one");
  expect(host.names).toEqual(["uno"]);
  await rename(join(root, "one"), join(root, "eins"));
  await next("loaded", "eins");
  await next("removed", "one");
  expect(host.names).toEqual(["uno"]);
  expect(await host.call("uno", "run")).toBe(1);
});

it("a second folder of a name is refused, and the first stays", async () => {
  await cp(join(root, "one"), join(root, "copy"), { recursive: true });
  expect(await next("failed", "copy")).toMatchObject({ error: { code: "ERR_EXT_DUPLICATE" } });
  expect(await host.call("one", "run")).toBe(1);
});

it("ends when it is closed, and when its host is", async () => {
  await watch.close();
  await extension("two", "two", "return 2");
  const second = await host.watch(join(root, "two")).catch((error) => error);
  expect(second.report.loaded).toEqual([]);
  await host.close();
  await second.close();
  await expect(host.watch(root)).rejects.toMatchObject({ code: "ERR_EXT_CLOSED" });
  expect(events).toEqual([]);
});

it("a folder that is not there is an ExtensionError", async () => {
  await expect(host.watch(join(root, "nowhere"))).rejects.toMatchObject({ code: "ERR_EXT_NOT_FOUND" });
  await expect(host.loadDir(join(root, "nowhere"))).rejects.toMatchObject({ code: "ERR_EXT_NOT_FOUND" });
});
