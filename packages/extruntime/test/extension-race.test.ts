import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, renameSync, rmSync, symlinkSync, unlinkSync } from "node:fs";
import { appendFile, mkdir, mkdtemp, realpath, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Extension } from "../src/engine.ts";
import { createRuntime, ExtensionHost, native } from "../src/index.ts";
import { openExtension } from "../src/manifest/extension.ts";
import { OpenedFile, readSmall } from "../src/manifest/folder-file.ts";
import { fakeEngine } from "./fake-engine.ts";

/** A folder that whoever wrote it changes while it is loaded. */
let root: string;
let dir: string;
const manifest = { name: "example", runtime: "fake", module: "lib/main.txt", exports: ["echo"] };
const SECRET = "s".repeat(200_000);

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "extruntime-race-")));
  dir = join(root, "example");
  await mkdir(join(dir, "lib"), { recursive: true });
  await mkdir(join(root, "outside"));
  await writeFile(join(root, "outside", "main.txt"), SECRET);
  await writeFile(join(dir, "extension.json"), JSON.stringify(manifest));
});
afterEach(() => rm(root, { recursive: true }));

/** What an engine reads, where `swap` runs while the host's policy decides. */
async function loadedBytes(swap: () => void, path = "lib/main.txt"): Promise<string> {
  let read = "";
  const engine = fakeEngine();
  const reading = {
    ...engine,
    async compile(extension: Extension) {
      read = Buffer.from(await extension.read(path)).toString();
      return engine.compile(undefined as never, undefined as never);
    },
  };
  const allow = () => {
    swap();
    return true;
  };
  const host = new ExtensionHost({ runtimes: [createRuntime(reading)], policy: { allow } });
  const module = await host.load(dir);
  await module.close({ abort: true });
  return read;
}

describe.skipIf(process.platform === "win32").each([100, 100_000, 5_000_000])("a module file of %d bytes", (size) => {
  const content = "m".repeat(size);
  beforeEach(() => writeFile(join(dir, "lib/main.txt"), content));

  it("is the one that was there when it was opened, though it is a link to the outside by then", async () => {
    const read = await loadedBytes(() => {
      unlinkSync(join(dir, "lib/main.txt"));
      symlinkSync(join(root, "outside", "main.txt"), join(dir, "lib/main.txt"));
    });
    expect(read === content).toBe(true);
  });

  it("is the one that was there, though its folder is a link to the outside by then", async () => {
    const read = await loadedBytes(() => {
      renameSync(join(dir, "lib"), join(dir, "moved"));
      symlinkSync(join(root, "outside"), join(dir, "lib"));
    });
    expect(read === content).toBe(true);
  });

  it("has what it had when it was opened, though it grows on and on", async () => {
    const file = new OpenedFile(dir, "lib/main.txt");
    await appendFile(join(dir, "lib/main.txt"), SECRET);
    expect((await file.read()).equals(Buffer.from(content))).toBe(true);
    await truncate(join(dir, "lib/main.txt"), 10);
    expect((await file.read()).toString()).toBe(content.slice(0, 10));
    file.close();
  });
});

describe.skipIf(process.platform === "win32")("other files", () => {
  beforeEach(() => writeFile(join(dir, "lib/main.txt"), "module"));

  it("that lead outside when they are read are refused", async () => {
    await writeFile(join(dir, "lib/other.txt"), SECRET);
    const swap = () => {
      rmSync(join(dir, "lib/other.txt"));
      symlinkSync(join(root, "outside", "main.txt"), join(dir, "lib/other.txt"));
    };
    await expect(loadedBytes(swap, "lib/other.txt")).rejects.toMatchObject({
      code: "ERR_EXT_BAD_MANIFEST",
      message: expect.stringMatching(
        /"lib\/other\.txt" names lib\/other\.txt, which is a symbolic link that leads outside/,
      ),
    });
  });

  it("are refused where the extension's own folder has become a link", async () => {
    const extension = await openExtension(dir);
    await extension.read("lib/main.txt");
    renameSync(dir, join(root, "was"));
    await mkdir(join(root, "evil", "lib"), { recursive: true });
    await writeFile(join(root, "evil", "lib", "main.txt"), "evil");
    await writeFile(join(root, "evil", "top.txt"), "evil");
    await symlink(join(root, "evil"), dir);
    await expect(extension.read("lib/main.txt")).rejects.toMatchObject({ code: "ERR_EXT_BAD_MANIFEST" });
    await expect(extension.read("top.txt")).rejects.toMatchObject({ code: "ERR_EXT_BAD_MANIFEST" });
    if (process.platform === "linux") expect(readSmall(dir, "top.txt")).toBeUndefined();
  });

  it("are the ones that were looked at: one that is changed for a link after the look is not read", async () => {
    // What is opened is told by the kernel, whatever the path meant a moment before.
    await writeFile(join(dir, "top.txt"), "");
    const fs = await import("node:fs");
    const at = vi.spyOn(fs.realpathSync, "native").mockImplementationOnce(() => {
      renameSync(join(dir, "lib"), join(dir, "moved"));
      symlinkSync(join(root, "outside"), join(dir, "lib"));
      return join(dir, "lib/main.txt");
    });
    try {
      expect(() => new OpenedFile(dir, "lib/main.txt")).toThrow(/leads outside/);
    } finally {
      at.mockRestore();
    }
  });

  it("that are pipes, sockets, folders and devices are refused at once", async () => {
    execFileSync("mkfifo", [join(dir, "pipe")]);
    await symlink("pipe", join(dir, "to-pipe"));
    await symlink("/dev/zero", join(dir, "zero"));
    const extension = await openExtension(dir);
    for (const path of ["pipe", "to-pipe", "lib"])
      await expect(extension.read(path)).rejects.toThrow(/which is not a file/);
    await expect(extension.read("zero")).rejects.toThrow(/leads outside/);
    expect(await extension.list()).toEqual(["extension.json", "lib/main.txt"]);
  });

  it("are bounded in size and number", async () => {
    await writeFile(join(dir, "huge.bin"), "");
    await truncate(join(dir, "huge.bin"), 2 ** 28 + 1);
    const extension = await openExtension(dir);
    await expect(extension.read("huge.bin")).rejects.toThrow(
      /has 268435457 bytes, and a file of an extension may have 268435456/,
    );
    for (let i = 0; i < 101; i++) {
      await mkdir(join(dir, `d${i}`));
      await Promise.all(Array.from({ length: 100 }, (_, n) => writeFile(join(dir, `d${i}`, `${n}`), "")));
    }
    await expect(extension.list()).rejects.toThrow(/more than 10000 files and folders/);
  });

  it("are closed whatever comes of them", async () => {
    const open = () => (process.platform === "linux" ? readdirSync("/proc/self/fd").length : 0);
    const extension = await openExtension(dir);
    const before = open();
    for (let i = 0; i < 50; i++) {
      await extension.read("missing").catch(() => {});
      await extension.read("lib").catch(() => {});
      await extension.read("lib/main.txt");
      await extension.list();
    }
    expect(open()).toBeLessThan(before + 20);
  });
});

describe.skipIf(process.platform === "win32")("a manifest", () => {
  it("that is not UTF-8 is refused", async () => {
    for (const bytes of [
      [0xff, 0xfe, 0x7b, 0],
      [0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d],
    ]) {
      await writeFile(join(dir, "extension.json"), Buffer.from(bytes));
      await expect(openExtension(dir)).rejects.toMatchObject({
        code: "ERR_EXT_BAD_MANIFEST",
        message: expect.stringMatching(/is not UTF-8/),
      });
    }
  });

  it("that is deep is refused, from a folder too", async () => {
    const text = JSON.stringify(manifest).replace("}", `,"zzzz":${"[".repeat(50_000)}${"]".repeat(50_000)}}`);
    await writeFile(join(dir, "extension.json"), text);
    await expect(openExtension(dir)).rejects.toMatchObject({ code: "ERR_EXT_BAD_MANIFEST" });
  });
});

describe.skipIf(process.platform === "win32")("a native module", () => {
  it("that has become a link to the outside when it is imported is refused", async () => {
    await writeFile(join(root, "outside", "run.mjs"), "export const run = () => 'outside';");
    await writeFile(join(dir, "run.mjs"), "export const run = () => 'inside';");
    await writeFile(
      join(dir, "extension.json"),
      JSON.stringify({ name: "example", runtime: "native", module: "run.mjs", exports: ["run"] }),
    );
    const swap = () => {
      unlinkSync(join(dir, "run.mjs"));
      symlinkSync(join(root, "outside", "run.mjs"), join(dir, "run.mjs"));
      return true;
    };
    const host = new ExtensionHost({ runtimes: [native()], policy: { allow: swap } });
    await expect(host.load(dir)).rejects.toMatchObject({
      code: "ERR_EXT_BAD_MANIFEST",
      message: expect.stringMatching(/leads outside/),
    });
    expect(readFileSync(join(dir, "run.mjs"), "utf8")).toContain("outside");
  });
});
