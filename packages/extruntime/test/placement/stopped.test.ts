import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { isStopped } from "../../src/placement/process/stopped.ts";
import { withGuest } from "./guests.ts";

const linux = it.runIf(process.platform === "linux");

linux("a process that has stood still for a while keeps its instances", async () => {
  await withGuest(
    { placement: "process", processes: { max: 2 } },
    async (module) => {
      expect(await module.call("count")).toBe(1);
      const [pid] = await module.call<number[]>("pids");
      for (let round = 0; round < 3; round++) {
        process.kill(pid!, "SIGSTOP");
        const calls = [module.call("count"), module.call("count"), module.call("count")];
        await new Promise((resolve) => setTimeout(resolve, 500));
        process.kill(pid!, "SIGCONT");
        expect(await Promise.all(calls)).toEqual([2, 3, 4].map((count) => count + round * 3));
      }
    },
    { maxInstances: 1 },
  );
});

linux("a stopped process is told from one that goes on, by what came from it, too", async () => {
  const child = spawn("sh", ["-c", "sleep 600 & echo $!; wait"], { detached: true });
  try {
    const [line] = await once(child.stdout, "data");
    const grandchild = Number(line);
    expect(isStopped(child.pid!)).toBe(false);
    process.kill(grandchild, "SIGSTOP");
    await expect.poll(() => isStopped(child.pid!)).toBe(true);
  } finally {
    process.kill(-child.pid!, "SIGKILL");
    await once(child, "exit");
  }
  expect(isStopped(child.pid!)).toBe(undefined);
});
