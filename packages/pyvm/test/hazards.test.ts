import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { cpython, hasOwnGil } from "./guest.ts";

const child = fileURLToPath(new URL("hazards-child.mjs", import.meta.url));

/** The ctypes of 3.12 cannot be loaded into a sub-interpreter yet. */
const shared = !hasOwnGil || cpython.version === "3.12";

/** Runs it in a process of its own: what it looks for is a crash. */
async function run(place: string): Promise<string> {
  const env = { ...process.env, PYVM_PYTHON: cpython.executable, PYVM_TEST_SHARED: shared ? "1" : "" };
  const { stdout } = await promisify(execFile)(process.execPath, [child, place], { env });
  return stdout.trim();
}

// _datetime, _decimal, _sqlite3, _zoneinfo, _ssl, _ctypes and others, in 32 copies of a module, eight at a time.
test("C extensions of the standard library survive interpreters that come and go on many threads", async () => {
  expect(await run("main")).toBe("96 right answers");
});

test("and on those of worker threads", async () => {
  expect(await run("workers")).toBe("48 right answers");
});
