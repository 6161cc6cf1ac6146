import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

it.runIf(process.platform === "linux")("a caller that blocks the host is told that the thread has ended", async () => {
  const child = fileURLToPath(new URL("sync-end-child.mjs", import.meta.url));
  // Blocked for good, it hears no timer of its own.
  const { stdout } = await promisify(execFile)(process.execPath, ["--max-old-space-size=80", child], {
    timeout: 120_000,
    killSignal: "SIGKILL",
  });
  expect(JSON.parse(stdout)).toEqual(["1", "ERR_EXT_CRASHED", "1", "ERR_EXT_CRASHED", "1", "ERR_EXT_CRASHED", "1"]);
});
