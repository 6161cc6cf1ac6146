import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { ExtensionHost, native, type RunRequest } from "../src/index.ts";

const FILE = fileURLToPath(import.meta.url);

let host = makeHost();

function makeHost(): ExtensionHost {
  return new ExtensionHost({ runtimes: [native()] });
}

afterEach(async () => {
  await host.close({ abort: true });
  host = makeHost();
});

describe("a folder that is not there", () => {
  it.each<[string | URL, RegExp]>([
    ["", /^"": the folder of extensions cannot be read: ENOENT/],
    ["/no/such/folder", /^\/no\/such\/folder: .* ENOENT/],
    [new URL("file:///no/such/folder"), /^\/no\/such\/folder: .* ENOENT/],
    [FILE, /ENOTDIR/],
    ["a\0b", /null bytes/],
  ])("%s is ERR_EXT_NOT_FOUND of loadDir and of watch", async (dir, because) => {
    for (const refused of [host.loadDir(dir), host.watch(dir)])
      await expect(refused).rejects.toMatchObject({
        name: "ExtensionError",
        code: "ERR_EXT_NOT_FOUND",
        message: because,
      });
  });

  it.each([undefined, null, 5, {}, new URL("http://localhost/")])("%s is a TypeError", async (dir) => {
    for (const refused of [host.loadDir(dir as string), host.watch(dir as string)])
      await expect(refused).rejects.toThrow(TypeError);
  });

  it("or has no manifest is ERR_EXT_NO_MANIFEST of load", async () => {
    for (const dir of ["", "/no/such/folder", FILE, fileURLToPath(new URL(".", import.meta.url))])
      await expect(host.load(dir)).rejects.toMatchObject({ code: "ERR_EXT_NO_MANIFEST" });
    for (const dir of [undefined, null, 5]) await expect(host.load(dir as never)).rejects.toThrow(TypeError);
  });
});

describe("close({ timeoutMs })", () => {
  const slow = {
    manifest: { name: "slow", runtime: "native", module: "main.mjs", exports: ["run"] },
    files: { "main.mjs": "export const run = () => new Promise((resolve) => setImmediate(resolve, 1));" },
  };

  it("takes a time that a timer takes, and closes nothing otherwise", async () => {
    await host.load(slow);
    for (const timeoutMs of [Number.POSITIVE_INFINITY, Number.NaN, -1, 2 ** 31, "5", null])
      await expect(host.close({ timeoutMs: timeoutMs as number })).rejects.toThrow(/timeoutMs must be a number from 0/);
    expect(await host.call("slow", "run")).toBe(1);
  });

  it("lets calls end within it, and aborts them at once where it is 0", async () => {
    await host.load(slow);
    const answered = host.call("slow", "run");
    await host.close({ timeoutMs: 2 ** 31 - 1 });
    expect(await answered).toBe(1);
    const other = makeHost();
    await other.load({ ...slow, files: { "main.mjs": "export const run = () => new Promise(() => {});" } });
    const aborted = expect(other.call("slow", "run")).rejects.toMatchObject({ code: "ERR_EXT_CLOSED" });
    await other.close({ timeoutMs: 0 });
    await aborted;
  });
});

describe("host.run", () => {
  const source = "export const run = () => 1;";

  it.each<[unknown, RegExp]>([
    [undefined, /takes a request/],
    ["source", /takes a request/],
    [{ source }, /runtime must be the name of a runtime, and is undefined/],
    [{ runtime: "native" }, /source must be text, or bytes in a Uint8Array, and is undefined/],
    [{ runtime: "native", source: ["text"] }, /source must be text/],
    [{ runtime: "native", source, functions: null }, /functions of a call must be an object/],
    [{ runtime: "native", source, functions: { get: 5 } }, /functions.get must be a function/],
  ])("refuses the request %j with a TypeError", async (request, because) => {
    const refused = host.run(request as RunRequest);
    await expect(refused).rejects.toThrow(TypeError);
    await expect(refused).rejects.toThrow(because);
  });

  it("says who names a runtime that is not there", async () => {
    await expect(host.run({ runtime: "none", source })).rejects.toMatchObject({
      code: "ERR_EXT_UNKNOWN_RUNTIME",
      message: /^the request names the runtime "none", which this host does not have/,
    });
  });

  it("does not take text for the bytes whose digest it says", async () => {
    const digest = createHash("sha256").update(source).digest("hex");
    expect(await host.run({ runtime: "native", source: Buffer.from(source), share: true })).toBe(1);
    await expect(host.run({ runtime: "native", source: digest, share: true })).rejects.toMatchObject({
      code: "ERR_EXT_GUEST",
    });
  });
});

it("functions of a call are looked at where its module has no host functions too", async () => {
  await host.load({
    manifest: { name: "one", runtime: "native", module: "main.mjs", exports: ["run"] },
    files: { "main.mjs": "export const run = () => 1;" },
  });
  for (const functions of [5, null, { get: 1 }])
    await expect(host.call("one", "run", 1, { functions: functions as never })).rejects.toThrow(TypeError);
  expect(await host.call("one", "run", 1, { functions: { get: () => 1 } })).toBe(1);
});
