// Where what was built is kept, told apart by what it was built from.
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const COMPLETE = ".complete";

export function cacheFolder() {
  const { EXTRUNTIME_CACHE, XDG_CACHE_HOME } = process.env;
  return EXTRUNTIME_CACHE ?? join(XDG_CACHE_HOME ?? join(homedir(), ".cache"), "extruntime");
}

/** Of texts, and of the contents of files. */
export function hashOf(texts, files) {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(`${text}\n`);
  for (const file of files) hash.update(readFileSync(file)).update("\n");
  return hash.digest("hex").slice(0, 16);
}

/** The folder `name` of the cache where it has been built. */
export function kept(name) {
  const folder = join(cacheFolder(), name);
  return existsSync(join(folder, COMPLETE)) ? folder : undefined;
}

/**
 * The same, built where it is missing: `build` gets an empty work folder and the folder to fill, which appears whole or not at all, since
 * another clone may build it at the same time.
 */
export async function keep(name, build) {
  const found = kept(name);
  if (found !== undefined) return found;
  mkdirSync(cacheFolder(), { recursive: true });
  const work = mkdtempSync(join(cacheFolder(), `${name}.`));
  try {
    const made = join(work, "made");
    mkdirSync(made);
    await build(work, made);
    writeFileSync(join(made, COMPLETE), "");
    return place(made, name);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function place(made, name) {
  const folder = join(cacheFolder(), name);
  if (existsSync(folder) && kept(name) === undefined) rmSync(folder, { recursive: true, force: true });
  try {
    renameSync(made, folder);
  } catch (error) {
    if (kept(name) === undefined) throw error;
  }
  return folder;
}

/** Removes older builds of the same kind. */
export function forget(prefix, name) {
  for (const other of readdirSync(cacheFolder()))
    if (other.startsWith(prefix) && other !== name && existsSync(join(cacheFolder(), other, COMPLETE)))
      rmSync(join(cacheFolder(), other), { recursive: true, force: true });
}
