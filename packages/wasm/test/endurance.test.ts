import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { assemble, ECHO, guestFunction, loadGuest, pointerGuest } from "./guests.ts";
import { callNamed, hostGuest } from "./host-guest.ts";
import { wasiImports } from "./wasi-guest.ts";

const run = promisify(execFile);
const MIB = 2 ** 20;
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "extruntime-wasm-"));
});
afterAll(() => rm(dir, { recursive: true }));

interface Outcome {
  readonly wrong: number;
  readonly instancesCreated: number;
  /** Bytes. */
  readonly grown: number;
  readonly rssGrown: number;
}

async function endure(name: string, guest: Uint8Array, calls: number, outcome = "answers"): Promise<Outcome> {
  const path = join(dir, `${name}.wasm`);
  await writeFile(path, guest);
  const child = fileURLToPath(new URL("endurance-child.mjs", import.meta.url));
  // A young generation of one size: it would grow by megabytes, and hide what leaks.
  const { stdout } = await run(process.execPath, [
    "--expose-gc",
    "--max-semi-space-size=2",
    child,
    path,
    String(calls),
    outcome,
  ]);
  return JSON.parse(stdout) as Outcome;
}

const LOGGING = guestFunction(
  "echo",
  `(i32.store (i32.const 3000) (local.get $pointer)) (i32.store (i32.const 3004) (local.get $length))
   (drop (call $fd_write (i32.const 2) (i32.const 3000) (i32.const 1) (i32.const 3008)))
   (call $copy (local.get $pointer) (local.get $length))`,
);
/** Returns what the host's function answers, without the sign before it. */
const CALLING = hostGuest(
  `(local $answer i64) (local.set $answer ${callNamed("f")})
   (i64.add (local.get $answer) (i64.const 0xffffffff))`,
);
const COMMAND = assemble(`(module ${wasiImports("fd_read", "fd_write")} (memory (export "memory") 2)
  (func (export "_start")
    (i32.store (i32.const 8) (i32.const 65536)) (i32.store (i32.const 12) (i32.const 65536))
    (drop (call $fd_read (i32.const 0) (i32.const 8) (i32.const 1) (i32.const 12)))
    (drop (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 40)))))`);

describe("memory stays where it was", () => {
  it.each([
    ["200,000 calls of a module of the pointer ABI", "pointer", pointerGuest(ECHO), 200_000],
    [
      "200,000 calls of a module that logs",
      "logging",
      pointerGuest(LOGGING, { imports: wasiImports("fd_write") }),
      200_000,
    ],
    ["200,000 calls that call the host", "calling", CALLING, 200_000],
  ])("after %s, in one instance", async (_, name, guest, calls) => {
    const { wrong, instancesCreated, grown, rssGrown } = await endure(name, guest, calls);
    expect({ wrong, instancesCreated }).toEqual({ wrong: 0, instancesCreated: 1 });
    expect(grown).toBeLessThan(MIB / 2);
    expect(rssGrown).toBeLessThan(16 * MIB);
  });

  it("after 20,000 runs of a command", async () => {
    const { wrong, grown, rssGrown } = await endure("command", COMMAND, 20_000);
    expect(wrong).toBe(0);
    expect(grown).toBeLessThan(MIB / 2);
    expect(rssGrown).toBeLessThan(32 * MIB);
  });

  it("after 5,000 traps, after each of which an instance is put back", async () => {
    const { wrong, instancesCreated, grown, rssGrown } = await endure(
      "trap",
      pointerGuest(guestFunction("echo", "unreachable")),
      5000,
      "fails",
    );
    // The first is replaced by a new one: what never traps keeps no image.
    expect({ wrong, instancesCreated }).toEqual({ wrong: 0, instancesCreated: 2 });
    expect(grown).toBeLessThan(MIB / 2);
    expect(rssGrown).toBeLessThan(32 * MIB);
  });
});

describe("one instance", () => {
  it("serves 2^14, 2^15 and 2^16 calls, and one more", async () => {
    const module = await loadGuest(pointerGuest(ECHO));
    let calls = 0;
    for (const power of [14, 15, 16]) {
      for (; calls <= 2 ** power; calls++) module.invokeSync("echo", "[1]");
      expect(module.invokeSync("echo", `[${calls}]`)).toBe(`[${calls}]`);
    }
    expect(module.stats().instancesCreated).toBe(1);
  });
});
