import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { canSandbox } from "./can-sandbox.ts";

const HOST = fileURLToPath(new URL("./temp-folder-child.mjs", import.meta.url));
const root = process.getuid?.() === 0;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "extruntime-test-"));
  await chmod(folder, 0o755);
});
afterAll(() => rm(folder, { recursive: true }));

async function run(placement: string, TMPDIR: string, what = "", options: object = {}): Promise<unknown> {
  const env = { ...process.env, TMPDIR };
  const { stdout } = await promisify(execFile)(process.execPath, [HOST, placement, what], { env, ...options });
  return JSON.parse(stdout);
}

describe.each(["inline", "thread", "process"])("a temporary folder, with guests placed %s,", (placement) => {
  it.each([
    ["is missing", "/nowhere/at/all", "ENOENT"],
    ["is a file", "file", "ENOTDIR"],
    ["has too long a path", `/${"x".repeat(300)}`, "ENAMETOOLONG"],
  ])("that %s gives an error that names it and the remedy", async (_what, path, reason) => {
    if (path === "file") await writeFile(join(folder, path), "");
    const TMPDIR = path === "file" ? join(folder, path) : path;
    expect(await run(placement, TMPDIR)).toEqual({
      code: "ERR_EXT_UNSUPPORTED",
      message: expect.stringContaining(`no temporary files can be made in ${TMPDIR} (${reason}): set TMPDIR to`),
    });
  });

  it("that cannot be written to gives an error that names it and the remedy", async () => {
    const TMPDIR = join(folder, "locked");
    await mkdir(TMPDIR, { recursive: true, mode: 0o555 });
    // To root no folder is locked.
    const user = root ? { uid: 65_534, gid: 65_534, cwd: "/" } : {};
    expect(await run(placement, TMPDIR, "", user)).toEqual({
      code: "ERR_EXT_UNSUPPORTED",
      message: expect.stringContaining(`no temporary files can be made in ${TMPDIR} (EACCES): set TMPDIR to`),
    });
  });

  it.each(["empty", "remove"])("may be gone while a host runs: %s", async (what) => {
    const TMPDIR = await mkdtemp(join(folder, "swept-"));
    expect(await run(placement, TMPDIR, what)).toEqual([2, true, 3]);
    if (what === "empty") expect(await readdir(TMPDIR)).toEqual([]);
  });

  it("may be named relative to the folder in which the host began", async () => {
    const cwd = await mkdtemp(join(folder, "cwd-"));
    await mkdir(join(cwd, "tmp"));
    expect(await run(placement, "tmp", "chdir", { cwd })).toEqual([2, true, 3]);
    expect(await readdir(join(cwd, "tmp"))).toEqual([]);
  });
});

it.runIf(process.platform === "linux" && canSandbox()).each([
  ["missing", []],
  ["read-only", ["--tmpfs", "/dev/shm", "--remount-ro", "/dev/shm"]],
])("a /dev/shm that is %s gives its place to the temporary folder", async (_what, options) => {
  const args = [
    "--bind",
    "/",
    "/",
    "--tmpfs",
    "/dev",
    "--dev-bind",
    "/dev/null",
    "/dev/null",
    "--dev-bind",
    "/dev/urandom",
    "/dev/urandom",
  ];
  const command = [...args, ...options, "--proc", "/proc", process.execPath, HOST, "process"];
  const { stdout } = await promisify(execFile)("bwrap", command, { env: { ...process.env, TMPDIR: folder } });
  expect(JSON.parse(stdout)).toEqual([2, true, 3]);
});
