import { execFile, spawnSync } from "node:child_process";
import { openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const HOST = fileURLToPath(new URL("./full-disk-child.mjs", import.meta.url));
/** A shell as root of a mount namespace of its own. */
const UNSHARE = ["--user", "--map-root-user", "--mount"];
const canMount =
  process.platform === "linux" &&
  spawnSync("unshare", [...UNSHARE, "sh", "-c", "mount -t tmpfs none /dev/shm"]).status === 0;

// Where it cannot be made, it is no test at all, rather than a skipped one.
describe.runIf(process.platform === "linux")("a full disk", () => {
  if (canMount)
    it("under the journals costs no call of the processes that are there, and gives those that want a new one a clear error until there is room", async () => {
      const script = `mount -t tmpfs -o size=512k none /dev/shm && exec "$0" "$@"`;
      const { stdout } = await promisify(execFile)("unshare", [
        ...[...UNSHARE, "sh", "-c", script],
        ...[process.execPath, HOST, "journal"],
      ]);
      expect(JSON.parse(stdout)).toEqual({
        served: 2000,
        whenFull: {
          code: "ERR_EXT_CRASHED",
          message: expect.stringMatching(/its process could not be started: ENOSPC/),
        },
        afterwards: 1,
      });
    });

  it("under the host's standard error takes what guests write there, and nothing else", () => {
    const full = openSync("/dev/full", "w");
    const { status, stdout } = spawnSync(process.execPath, [HOST, "stderr"], {
      stdio: ["ignore", "pipe", full],
      encoding: "utf8",
    });
    expect([status, stdout]).toEqual([0, "100 answers\n"]);
  });
});
