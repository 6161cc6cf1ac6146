import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openExtension } from "../src/manifest/extension.ts";

const manifest = { name: "example", runtime: "native", module: "main.js", exports: ["run"] };
let root: string;
let dir: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "extruntime-test-"));
  dir = join(root, "example");
  await mkdir(dir);
});
afterEach(() => rm(root, { recursive: true }));

async function write(path: string, content: unknown): Promise<void> {
  await writeFile(join(dir, path), typeof content === "string" ? content : JSON.stringify(content));
}

describe("a folder", () => {
  it("opens by path and by URL, and reads and lists its files", async () => {
    await write("extension.json", manifest);
    await write("main.js", "// hello");
    await mkdir(join(dir, "lib"));
    await write("lib/a.js", "a");
    for (const source of [dir, pathToFileURL(dir)]) {
      const extension = await openExtension(source);
      expect(Buffer.from(await extension.read("main.js")).toString()).toBe("// hello");
      expect(await extension.list()).toEqual(["extension.json", "lib/a.js", "main.js"]);
    }
  });

  it.each(["missing", "example/main.js"])("without a manifest is ERR_EXT_NO_MANIFEST: %s", async (path) => {
    await write("main.js", "");
    await expect(openExtension(join(root, path))).rejects.toMatchObject({ code: "ERR_EXT_NO_MANIFEST" });
    await expect(openExtension(dir)).rejects.toMatchObject({
      code: "ERR_EXT_NO_MANIFEST",
      message: `${join(dir, "extension.json")}: there is no such file; an extension is a folder with an extension.json`,
    });
  });

  it("whose manifest is a folder, or too large, is refused", async () => {
    await mkdir(join(dir, "extension.json"));
    await expect(openExtension(dir)).rejects.toMatchObject({ code: "ERR_EXT_BAD_MANIFEST" });
    await rm(join(dir, "extension.json"), { recursive: true });
    await write("extension.json", " ".repeat(2 ** 20 + 1));
    await expect(openExtension(dir)).rejects.toThrow(/larger than 1 MiB/);
  });

  it.skipIf(process.platform === "win32")(
    "whose manifest or module is a pipe, which nobody writes to, is refused at once",
    async () => {
      execFileSync("mkfifo", [join(dir, "extension.json")]);
      await expect(openExtension(dir)).rejects.toThrow(/is not a file/);
      await rm(join(dir, "extension.json"));
      await write("extension.json", manifest);
      execFileSync("mkfifo", [join(dir, "main.js")]);
      await expect(openExtension(dir)).rejects.toThrow(/"module" names main\.js, which is not a file/);
    },
  );

  it.skipIf(process.platform === "win32")("whose manifest is a pipe with something in it is refused", async () => {
    execFileSync("mkfifo", [join(dir, "extension.json")]);
    const pipe = openSync(join(dir, "extension.json"), constants.O_RDWR);
    try {
      writeSync(pipe, JSON.stringify(manifest));
      await expect(openExtension(dir)).rejects.toThrow(/is not a file/);
    } finally {
      closeSync(pipe);
    }
  });

  it.each([0, 1, 65_535, 65_536, 65_537, 200_000])("reads a module of %d bytes, each time", async (size) => {
    await write("extension.json", manifest);
    const content = "é%".repeat(size).slice(0, size);
    await write("main.js", content);
    const extension = await openExtension(dir);
    const first = await extension.read("main.js");
    await write("extension.json", `\u{feff}${JSON.stringify({ ...manifest, version: "2.0.0" })}`);
    expect((await openExtension(dir)).manifest.version).toBe("2.0.0");
    expect(Buffer.from(first).toString()).toBe(content);
    expect(Buffer.from(await extension.read("main.js")).toString()).toBe(content);
  });

  it("whose module is missing, or a folder, is refused", async () => {
    await write("extension.json", manifest);
    await expect(openExtension(dir)).rejects.toMatchObject({
      code: "ERR_EXT_BAD_MANIFEST",
      message: expect.stringMatching(/"module" names main\.js, which cannot be read: ENOENT/),
    });
    await mkdir(join(dir, "main.js"));
    await expect(openExtension(dir)).rejects.toThrow(/"module" names main\.js, which is not a file/);
  });

  it("whose module, manifest or other file is a link that leads outside is refused", async () => {
    await writeFile(join(root, "secret.js"), "secret");
    await writeFile(join(root, "other.json"), JSON.stringify(manifest));
    await write("extension.json", manifest);
    await symlink(join(root, "secret.js"), join(dir, "main.js"));
    await expect(openExtension(dir)).rejects.toThrow(/is a symbolic link that leads outside the folder/);
    await rm(join(dir, "main.js"));
    await write("main.js", "");
    await symlink(root, join(dir, "up"));
    await symlink("main.js", join(dir, "inside.js"));
    const extension = await openExtension(dir);
    await expect(extension.read("up/secret.js")).rejects.toThrow(/leads outside/);
    await expect(extension.read("../secret.js")).rejects.toThrow(/must stay inside/);
    expect(await extension.list()).toEqual(["extension.json", "inside.js", "main.js"]);
    await rm(join(dir, "extension.json"));
    await symlink(join(root, "other.json"), join(dir, "extension.json"));
    await expect(openExtension(dir)).rejects.toMatchObject({ code: "ERR_EXT_BAD_MANIFEST" });
  });
});

describe("files in memory", () => {
  it("open with text and bytes", async () => {
    const extension = await openExtension({
      manifest,
      files: { "main.js": "text", "./data.bin": new Uint8Array([1, 2]) },
    });
    expect(extension.location).toBe("memory:example");
    expect([...(await extension.read("data.bin"))]).toEqual([1, 2]);
    expect(await extension.list()).toEqual(["data.bin", "main.js"]);
    await expect(extension.read("missing")).rejects.toMatchObject({ code: "ERR_EXT_BAD_MANIFEST" });
  });

  it("must have the module, and no path that leaves", async () => {
    await expect(openExtension({ manifest, files: {} })).rejects.toThrow(
      /"module" names main\.js, which is not among its files: none/,
    );
    await expect(openExtension({ manifest, files: { "main.js": "", "../x": "" } })).rejects.toThrow(/must stay inside/);
    await expect(openExtension({ manifest: "{", files: {} })).rejects.toMatchObject({ code: "ERR_EXT_BAD_MANIFEST" });
  });

  it("of the wrong type are a TypeError", async () => {
    await expect(openExtension(7 as never)).rejects.toThrow(TypeError);
    await expect(openExtension(null as never)).rejects.toThrow(TypeError);
  });
});
