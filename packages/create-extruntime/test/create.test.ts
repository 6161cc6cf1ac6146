import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const bin = fileURLToPath(new URL("../dist/bin.js", import.meta.url));

it("makes an extension with a package.json, as its README shows", async () => {
  const folder = mkdtempSync(join(tmpdir(), "create-extruntime-"));
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [bin, "hello", "--language", "go"], { cwd: folder });
    const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
    const [, shown] = /^```text\n(.*?)exit code 0\n^```$/ms.exec(readme)!;
    expect(stdout).toBe(shown);
    const { scripts, devDependencies } = JSON.parse(readFileSync(join(folder, "hello/package.json"), "utf8"));
    expect(scripts).toMatchObject({ build: "make", test: "extruntime test ." });
    expect(Object.keys(devDependencies)).toEqual(["@extruntime/cli", "@extruntime/wasm"]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
