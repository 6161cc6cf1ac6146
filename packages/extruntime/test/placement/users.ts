import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** Who runs a host. */
export interface User {
  readonly name: string;
  readonly options: { readonly uid?: number; readonly gid?: number; readonly env?: NodeJS.ProcessEnv };
}

/** Whoever runs the tests, and where that is root somebody else too, as hosts mostly are. */
export const users: User[] = [{ name: "this user", options: {} }, ...(process.getuid?.() === 0 ? [nobody()] : [])];

function nobody(): User {
  const folder = mkdtempSync(join(tmpdir(), "extruntime-nobody-"));
  chmodSync(folder, 0o777);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return {
    name: "nobody",
    options: { uid: 65_534, gid: 65_534, env: { ...process.env, TMPDIR: folder, HOME: folder } },
  };
}
