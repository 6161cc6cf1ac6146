import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ExtensionError } from "../../src/errors.ts";
import { withHiddenPath } from "../../src/placement/process/hidden-path.ts";

it("an engine that misses a file which the sandbox hides is told with the path and the setting", async () => {
  const folder = await mkdtemp(join(tmpdir(), "extruntime-test-"));
  const library = join(folder, "libpython3.so.1.0");
  await writeFile(library, "");
  const missing = new ExtensionError(
    "ERR_EXT_UNSUPPORTED",
    `no CPython. Tried:\n  ${library} (PYVM_PYTHON): no such file`,
  );
  const told = withHiddenPath(missing, []);
  expect(told).toMatchObject({ code: "ERR_EXT_UNSUPPORTED", cause: missing });
  expect(told.message).toContain(`${library} is outside of what the sandbox shows`);
  expect(told.message).toContain("processes.sandbox.readable");
  // What is shown, or is not there at all, is missing for another reason; a guest's own words are left alone.
  expect(withHiddenPath(missing, [{ path: folder }])).toBe(missing);
  const guests = new ExtensionError("ERR_EXT_GUEST", missing.message);
  expect(withHiddenPath(guests, [])).toBe(guests);
  await rm(folder, { recursive: true });
  expect(withHiddenPath(missing, [])).toBe(missing);
});
