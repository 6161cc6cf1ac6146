import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";

const HOST = new URL("./host-child.mjs", import.meta.url).pathname;

describe.runIf(process.platform === "linux")("a host", () => {
  // Each load into a process starts one.
  it.each([
    ["thread", 1000],
    ["process", 30],
  ])("has its descriptors and threads back after loads into a %s: %d", async (placement, loads) => {
    const host = fork(HOST, ["loads", placement, String(loads)], { execArgv: [] });
    expect(await once(host, "message")).toEqual(["back", undefined]);
    host.kill();
  });

  it("that is killed leaves no orphan, though its guests never rest", async () => {
    const host = fork(HOST, ["orphan", "process"], { execArgv: [] });
    const [pids] = (await once(host, "message")) as [number[]];
    expect(pids.every(isAlive)).toBe(true);
    host.kill("SIGKILL");
    await once(host, "exit");
    while (pids.some(isAlive)) await sleep(5);
  });

  it.each(["thread", "process"])(
    "ends by itself when a %s has been closed, and leaves no temporary folder",
    async (placement) => {
      const folder = await mkdtemp(join(tmpdir(), "extruntime-test-"));
      const host = fork(HOST, ["loads", placement, "1"], { execArgv: [], env: { ...process.env, TMPDIR: folder } });
      host.on("message", () => host.disconnect());
      await once(host, "exit");
      expect(await readdir(folder)).toEqual([]);
      await rm(folder, { recursive: true });
    },
  );
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
