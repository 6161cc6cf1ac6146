import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { limitedCommand } from "../../src/placement/process/command.ts";

import { guest, withRuntime } from "./guests.ts";

const NODE = { file: "/usr/bin/node", args: ["agent.js"] };
const NO_LIMITS = { memoryBytes: undefined, cpuSeconds: undefined };

describe("the command of a process", () => {
  it("sets the limits of the operating system and then becomes Node", () => {
    const { file, args } = limitedCommand(NODE, { memoryBytes: 2 ** 30, cpuSeconds: 5 });
    expect(file).toBe("/bin/sh");
    expect(args[1]).toMatch(/^ulimit -d \d+ && ulimit -t 5 && exec "\$@"$/);
    expect(args.slice(-2)).toEqual(["/usr/bin/node", "agent.js"]);
    expect(limitedCommand(NODE, NO_LIMITS)).toEqual(NODE);
  });
});

function canSandbox(): boolean {
  try {
    execFileSync("bwrap", ["--ro-bind", "/", "/", "--unshare-all", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const CODE = `
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
const attempt = (act) => { try { return act(); } catch (error) { return error.code; } };
export const read = (path) => attempt(() => readFileSync(path, "utf8"));
export const list = (path) => attempt(() => readdirSync(path));
export const write = (path) => attempt(() => { writeFileSync(path, "x"); return "written"; });
export const reach = (port) => new Promise((resolve) => {
  connect(port, "127.0.0.1").on("error", (error) => resolve(error.code)).on("connect", () => resolve("connected"));
});
export const processes = () => readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name)).length;
`;

describe.runIf(canSandbox())("a process in a sandbox", () => {
  it("has no network, no other processes and no files but those that it was given", async () => {
    const secret = join(await mkdtemp(join(tmpdir(), "extruntime-test-")), "secret");
    await writeFile(secret, "secret");
    await withRuntime({ placement: "process", processes: { sandbox: true } }, async (runtime) => {
      const module = await runtime.load(guest("guest", {}, CODE));
      expect(await module.call("read", secret)).toBe("ENOENT");
      expect(await module.call("read", "/etc/passwd")).toBe("ENOENT");
      expect(await module.call("write", "/usr/written")).toBe("EROFS");
      expect(await module.call("write", "/tmp/written")).toBe("written");
      expect(await module.call("reach", 80)).not.toBe("connected");
      expect(await module.call<number>("processes")).toBeLessThan(5);
    });
    await rm(join(secret, ".."), { recursive: true });
  });

  it("ends when a call must be stopped, and is replaced", async () => {
    await withRuntime({ placement: "process", processes: { sandbox: true } }, async (runtime) => {
      const module = await runtime.load(guest());
      await expect(module.invoke("forever", "1", { timeoutMs: 100 })).rejects.toMatchObject({
        code: "ERR_EXT_TIMEOUT",
      });
      expect(await module.call("echo", 1)).toBe(1);
    });
  });
});

describe("a sandbox that cannot be made", () => {
  const { PATH } = process.env;
  afterEach(() => {
    process.env.PATH = PATH;
  });

  it("is refused with the remedy", async () => {
    process.env.PATH = "/nowhere";
    await withRuntime({ processes: { sandbox: true } }, async (runtime) => {
      expect(() => runtime.capabilitiesAt("process")).toThrow(
        expect.objectContaining({ code: "ERR_EXT_UNSUPPORTED", message: expect.stringContaining("bubblewrap") }),
      );
    });
  });
});
