// Does the same work over and over, and tells how much longer it took than the processor's time for it.
import { setPriority } from "node:os";
import { cpuUsage } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

/** As workers have it. */
const NICE = 5;
/** Microseconds of a processor. */
const WORK_US = 10_000;

function used() {
  const { user, system } = cpuUsage();
  return user + system;
}

setPriority(NICE);
process.on("disconnect", () => process.exit());
for (;;) {
  const [began, usedBefore] = [performance.now(), used()];
  let work = 0;
  while (work < WORK_US) work = used() - usedBefore;
  process.send(((performance.now() - began) * 1000) / work);
  await sleep(400);
}
