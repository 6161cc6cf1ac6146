import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { native } from "../../dist/index.js";
import { checkCgroup, endCgroup, find, makeCgroup } from "../../src/placement/process/cgroup.ts";
import { supervisorProgram } from "../../src/placement/process/supervisor.ts";

const MIB = 2 ** 20;

/** What looks like a group that may be divided. */
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "extruntime-test-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function group(name: string, controllers = "cpu memory pids", enabled = ""): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "cgroup.controllers"), controllers);
  writeFileSync(join(path, "cgroup.subtree_control"), enabled);
  writeFileSync(join(path, "cgroup.procs"), "");
  return path;
}

describe("a control group", () => {
  it("is divided where it has the controllers, which are switched on for its parts", () => {
    const path = group("whole");
    checkCgroup(path);
    expect(readFileSync(join(path, "cgroup.subtree_control"), "utf8")).toBe("+memory +pids");
  });

  it.each([
    ["no controllers", () => group("poor", "cpu"), /has not got the controllers memory and pids/],
    ["no group", () => join(folder, "nothing"), /cannot be divided \(ENOENT\)/],
  ])("is refused with the remedy where it is %s", (_what, path, message) => {
    expect(() => checkCgroup(path())).toThrow(
      expect.objectContaining({ code: "ERR_EXT_UNSUPPORTED", message: expect.stringMatching(message) }),
    );
    expect(() => native({ placement: "process", processes: { cgroup: path() } }).capabilities).toThrow(message);
  });

  it("has a part for each process, with its limits", () => {
    const path = makeCgroup(group("limits"), { memoryBytes: 64 * MIB, tasks: 99 });
    const read = (name: string) => readFileSync(join(path, name), "utf8");
    expect([read("memory.max"), read("memory.oom.group"), read("pids.max")]).toEqual([String(64 * MIB), "1", "99"]);
  });

  it("is found by itself where it belongs to the host's user, and never root's", () => {
    const parent = group("user.slice/app.service");
    mkdirSync(join(parent, "main"));
    const mounts = `25 1 0:22 / /sys rw - sysfs sysfs rw\n30 25 0:27 / ${folder} rw,nosuid shared:9 - cgroup2 cgroup2 rw\n`;
    const uid = process.getuid!() || 0;
    // The folders are this user's, who may be root.
    const found = find("0::/user.slice/app.service/main\n", mounts, uid);
    expect(found).toBe(uid === 0 ? undefined : parent);
    expect(find("0::/user.slice/app.service/main\n", mounts, uid + 1)).toBeUndefined();
    expect(find("0::/\n", mounts, uid)).toBeUndefined();
    expect(find("4:memory:/x\n0::/main\n", mounts, uid)).toBeUndefined();
    expect(find("", "", 1000)).toBeUndefined();
  });
});

/** A group of the system's own, where this user may make one. It need not have controllers. */
function systemGroup(): string | undefined {
  const mount = /^\d+ \d+ \S+ \/ (\S+) .*- cgroup2 /m.exec(readFileSync("/proc/self/mountinfo", "utf8"))?.[1];
  const path = join(mount ?? "/nowhere", `extruntime-test-${process.pid}`);
  try {
    mkdirSync(path);
    return path;
  } catch {
    return undefined;
  }
}

const ofSystem = process.platform === "linux" && supervisorProgram() !== undefined ? systemGroup() : undefined;
afterAll(() => {
  if (ofSystem === undefined) return;
  for (const name of readdirSync(ofSystem)) if (name.startsWith("extruntime-")) endCgroup(join(ofSystem, name));
  rmdirSync(ofSystem);
});

// Where none can be made, it is no test at all, rather than a skipped one.
if (ofSystem !== undefined)
  it("ends all that is in it, though a guest has ended its own supervisor, and is removed", async () => {
    const { ProcessLink } = await import(new URL("../../dist/placement/process/link.js", import.meta.url).href);
    const died = new Promise<{ how: string }>((resolve) => {
      const start = { version: 0, engine: { module: import.meta.url, export: "none", options: {} }, path: undefined };
      const link = new ProcessLink(start, { cgroup: ofSystem }, undefined, { frame() {}, ended: resolve });
      void link.gone;
    });
    const [name] = readdirSync(ofSystem).filter((each) => each.startsWith("extruntime-"));
    const path = join(ofSystem, name!);
    const inside = () =>
      existsSync(path) ? readFileSync(join(path, "cgroup.procs"), "latin1").trim().split("\n").filter(Boolean) : [];
    while (inside().length === 0) await sleep(5);
    const [pid] = inside().map(Number);
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    process.kill(Number(/^PPid:\s*(\d+)/m.exec(status)![1]), "SIGKILL");
    expect((await died).how).toMatch(/was ended by SIGKILL/);
    while (existsSync(path)) {
      endCgroup(path);
      await sleep(5);
    }
  });
