import { fork } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { supervisorProgram } from "../../src/placement/process/supervisor.ts";
import { canSandbox } from "./can-sandbox.ts";
import { type User, users } from "./users.ts";

const HOST = fileURLToPath(new URL("./descendants-child.mjs", import.meta.url));

it("the supervisor is there in CI, where the tests of it would else be missing", () => {
  expect(process.env.CI !== undefined && process.platform === "linux" && supervisorProgram() === undefined).toBe(false);
});

let hosts = 0;

/** Arguments of the guests' processes begin with it. */
function marker(): string {
  return `${700_000_000 + (process.pid % 10_000) * 10_000 + hosts++ * 10}.`;
}

function left(mark: string): string[] {
  return readdirSync("/proc").flatMap((pid) => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0");
      return command[0] === "sleep" && command[1]?.startsWith(mark) ? [command[1]] : [];
    } catch {
      return [];
    }
  });
}

async function run(how: string, options: object, user: User): Promise<void> {
  const mark = marker();
  const host = fork(HOST, [how, JSON.stringify(options), mark], { execArgv: [], ...user.options });
  const gone = once(host, "exit");
  expect(await once(host, "message")).toEqual(["started", undefined]);
  while (left(mark).length < 4) await sleep(5);
  if (how === "killed") host.kill("SIGKILL");
  else host.send("end");
  if (how === "killed" || how === "exit") {
    await gone;
    // Nobody is there who could be waited for.
    while (left(mark).length > 0) await sleep(5);
  } else {
    const [told] = (await once(host, "message")) as [string];
    const expected = {
      timeout: "ERR_EXT_TIMEOUT",
      crash: "ERR_EXT_CRASHED",
      abort: "AbortError",
      close: "closed",
      stopped: "closed",
    };
    expect(told).toBe(expected[how as keyof typeof expected]);
    // Only `close` waits for the end of what is left.
    while (how !== "close" && how !== "stopped" && left(mark).length > 0) await sleep(5);
    expect(left(mark)).toEqual([]);
    host.send("end");
    await gone;
  }
}

describe.runIf(supervisorProgram() !== undefined).each(users)(
  "the processes of a guest, of a host run by $name,",
  (user) => {
    it.each(["timeout", "abort", "close", "stopped", "crash", "exit", "killed"])(
      "are all ended, detached ones and daemons too, when it comes to: %s",
      (how) => run(how, {}, user),
      60_000,
    );

    it.runIf(canSandbox()).each(["timeout", "close", "killed"])(
      "are all ended in a sandbox when it comes to: %s",
      (how) => run(how, { sandbox: true }, user),
      60_000,
    );
  },
);
