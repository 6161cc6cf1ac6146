import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { native } from "../../dist/index.js";
import { supervisedCommand, supervisorProgram } from "../../src/placement/process/supervisor.ts";
import { guest, withRuntime } from "./guests.ts";

const MIB = 2 ** 20;
const NO_LIMITS = { memoryBytes: undefined, tasks: undefined, sandboxed: false, cgroup: undefined };

/** Runs a program under a supervisor, and tells how both ended. */
async function supervised(limits: Partial<typeof NO_LIMITS> | object, file: string, ...args: string[]) {
  const command = supervisedCommand({ file, args }, { ...NO_LIMITS, ...limits });
  const child = spawn(command.file, command.args, { stdio: ["ignore", "pipe", "pipe", ...Array(5).fill("pipe")] });
  let [report, output] = ["", ""];
  (child.stdio as (Readable | null)[])[7]!.on("data", (text) => {
    report += text;
  });
  for (const stream of [child.stdout!, child.stderr!]) stream.on("data", (text) => (output += text));
  const [code, signal] = await once(child, "close");
  return { code, signal, report: report.replace(/data \d+\n/g, ""), output };
}

function hasPython(): boolean {
  try {
    execFileSync("python3", ["-c", "import mmap, os"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** A thousand processes at the most, should nobody end it. */
const BOMB = "bomb() { if [ $1 -gt 0 ]; then bomb $(($1 - 1)) & bomb $(($1 - 1)) & fi; sleep 1000; }; bomb 9";

const limit = { memoryBytes: 150 * MIB };

describe.runIf(supervisorProgram() !== undefined)("a supervised program", () => {
  it("ends its supervisor as it ends itself", async () => {
    expect(await supervised({}, "sh", "-c", "echo hello; exit 5")).toMatchObject({
      code: 5,
      output: "hello\n",
      report: "",
    });
    expect(await supervised({}, "sh", "-c", "kill -SEGV $$")).toMatchObject({ signal: "SIGSEGV" });
    expect(await supervised({}, "/nowhere/program")).toMatchObject({
      code: 127,
      output: "/nowhere/program cannot be started: No such file or directory\n",
    });
  });

  it("has none of the descriptors that its parent has but those that are its own", async () => {
    // A shell that has more of them, as a host may have from whoever started it.
    const { file, args } = supervisedCommand({ file: "ls", args: ["/proc/self/fd"] }, NO_LIMITS);
    const script = `exec 8</etc/passwd 9>/dev/null; exec "$@"`;
    const listed = execFileSync(
      "bash",
      ["-c", `exec 20</etc/passwd; exec sh -c '${script}' sh "$@"`, "bash", file, ...args],
      {
        stdio: ["ignore", "pipe", "ignore", "pipe", "ignore", "ignore", "ignore", "pipe"],
        encoding: "utf8",
      },
    );
    // `ls` opens one more, for the folder.
    expect(listed.trim().split("\n").map(Number).sort()).toEqual([0, 1, 2, 3, 4]);
  });

  it("may hold so much in files in memory", async () => {
    const fill = `exec 3>/dev/shm/extruntime-test-$$; rm /dev/shm/extruntime-test-$$; head -c 629145600 /dev/zero >&3`;
    const { signal, report } = await supervised(limit, "sh", "-c", fill);
    expect([signal, report]).toEqual(["SIGKILL", expect.stringMatching(/^memory \d+\n$/)]);
  });

  it("may have so many processes and threads, and a bomb of forks ends with them", async () => {
    const { signal, report } = await supervised({ tasks: 64 }, "sh", "-c", BOMB);
    expect([signal, report]).toEqual(["SIGKILL", expect.stringMatching(/^tasks \d+\n$/)]);
  });

  const MAPPED = "import mmap\nm = mmap.mmap(-1, 1 << 31)\nfor i in range(0, 1 << 31, 4096): m[i] = 1";
  const NAMELESS = "import os\nf = os.memfd_create('x')\nfor i in range(2000): os.write(f, bytes(1 << 20))";
  // Groups, which whoever is root may give itself, stand before the memory in what the system tells of a process.
  const GROUPS = `
import os
try: os.setgroups(range(100000, 165000))
except PermissionError: pass
kept = [b"x" * (1 << 20) for i in range(2000)]`;
  it.runIf(hasPython()).each([
    ["its own memory, in many groups", GROUPS],
    ["shared memory", MAPPED],
    ["a nameless file", NAMELESS],
    [
      "forks",
      "import os\nfor i in range(8): os.fork() or (bytearray(b'x' * (30 << 20)), os.read(os.pipe()[0], 1))\nos.wait()",
    ],
  ])("may hold so much in %s", async (_what, script) => {
    const { signal, report } = await supervised(limit, "python3", "-c", script);
    expect([signal, report]).toEqual(["SIGKILL", expect.stringMatching(/^memory \d+\n$/)]);
    expect(Number(report.slice(7))).toBeLessThan(1000 * MIB);
  });

  it.runIf(hasPython())("may fork, which shares what it has, and is counted once", async () => {
    const script = `
import os
kept, (read, write) = bytearray(b"x" * (100 << 20)), os.pipe()
for i in range(8):
  if os.fork() == 0: os.read(read, 1), os._exit(0)
import time; time.sleep(0.5)
os.write(write, bytes(8))
for i in range(8): os.wait()`;
    expect(await supervised({ memoryBytes: 300 * MIB }, "python3", "-c", script)).toMatchObject({
      code: 0,
      report: "",
    });
  });
});

const CODE = `
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
const script = "const all = []; for (let i = 0; i < 30; i++) all.push(Buffer.alloc(1e7, 1)); setTimeout(() => {}, 1e6)";
export const children = () => { for (let i = 0; i < 4; i++) spawn(process.execPath, ["-e", script], { stdio: "ignore" }); return new Promise(() => {}); };
export const bomb = () => { for (let i = 0; i < 400; i++) spawn("sleep", ["1000"], { stdio: "ignore" }).on("error", () => {}); return new Promise(() => {}); };
export const little = () => { const all = []; for (let i = 0; i < 5; i++) all.push(Buffer.alloc(1e7, 1)); return all.length; };
`;

describe.runIf(supervisorProgram() !== undefined)("a process whose limits a supervisor keeps", () => {
  it("is ended when its guest's own processes hold too much, with ERR_EXT_MEMORY, and serves what is allowed", async () => {
    await withRuntime({ placement: "process" }, async (runtime) => {
      const module = await runtime.load(guest("guest", { limits: { memoryMb: 64 } }, CODE));
      expect(await module.call("little")).toBe(5);
      await expect(module.call("children")).rejects.toMatchObject({
        code: "ERR_EXT_MEMORY",
        message: expect.stringMatching(/with the processes that it started it held \d+ MiB, and may hold 224 MiB/),
      });
      expect(await module.call("little")).toBe(5);
    });
  });

  it("is ended when there are too many processes of it, with an error that names the option", async () => {
    await withRuntime({ placement: "process", processes: { tasks: 64 } }, async (runtime) => {
      const module = await runtime.load(guest("guest", {}, CODE));
      await expect(module.call("bomb")).rejects.toMatchObject({
        code: "ERR_EXT_CRASHED",
        message: expect.stringMatching(
          /there were \d+ processes and threads of it, and there may be 64 \(processes\.tasks\)/,
        ),
      });
    });
  });

  it.each([
    [{ tasks: 3 }, /processes\.tasks must be a whole number of at least 32/],
    [{ sandbox: { tmpMb: 0 } }, /processes\.sandbox\.tmpMb must be a whole number/],
    [{ sandbox: { readable: ["/nowhere"] } }, /\/nowhere/],
  ])("takes no limit that means nothing: %j", (processes, message) => {
    expect(() => native({ placement: "process", processes })).toThrow(TypeError);
    expect(() => native({ placement: "process", processes })).toThrow(message);
  });
});
