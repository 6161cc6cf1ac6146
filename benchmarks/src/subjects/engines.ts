import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Module, Runtime } from "extruntime";
import { fixture } from "extruntime-fixtures";
import { GUESTS, ROOT } from "../paths.ts";
import { type GuestName, NoSuchGuest, type Opened, type OpenOptions, type SubjectSpec } from "./subject.ts";

export type EngineSource = Extract<SubjectSpec["source"], { from: "engine" }>;

/** A runtime of the subject's engine at its placement. Throws `ERR_EXT_UNSUPPORTED` where it cannot run there. */
export async function makeRuntime(engine: string, source: EngineSource): Promise<Runtime> {
  const exports = (await import(source.module)) as Record<string, (options: object) => Runtime>;
  const factory = exports[engine];
  if (factory === undefined) throw new Error(`${source.module} has no export ${engine}, its factory`);
  return factory({ ...source.options, placement: source.placement });
}

/** Opens one of the guests in the subject's engine. */
export async function openEngine(spec: SubjectSpec, options: OpenOptions): Promise<Opened> {
  const source = spec.source as EngineSource;
  const runtime = await makeRuntime(spec.engine!, source);
  const folder = await guestFolder(spec, options.guest);
  const limits = {
    ...(options.pool && { maxInstances: options.pool }),
    ...(options.timeoutMs && { timeoutMs: options.timeoutMs }),
  };
  const module = await runtime.load(folder.path, { limits });
  const close = async () => {
    await runtime.close({ abort: true });
    await folder.remove();
  };
  return { ...callsOf(module, runtime), close };
}

/** How a module is called by the trials. */
export function callsOf(module: Module, runtime: Runtime): Omit<Opened, "close"> {
  return {
    callSync: runtime.capabilities.sync ? (fn, payload) => module.invokeSync(fn, payload) : undefined,
    call: (fn, payload) => module.invoke(fn, payload),
    callWithin:
      runtime.capabilities.deadline === false
        ? undefined
        : (fn, payload, timeoutMs) => module.invoke(fn, payload, { timeoutMs }),
  };
}

/** The folder of a guest; a copy of it where the subject's manifest differs. */
export async function guestFolder(
  spec: SubjectSpec,
  guest: GuestName,
): Promise<{ path: string; remove: () => Promise<void> }> {
  const source = spec.source as EngineSource;
  const path = await originalFolder(spec.engine!, source, guest);
  if (source.manifest === undefined) return { path, remove: async () => {} };
  const copy = await mkdtemp(join(tmpdir(), "extruntime-bench-"));
  const manifest = JSON.parse(await readFile(join(path, "extension.json"), "utf8")) as object;
  for (const file of await readdir(path))
    if (file !== "extension.json") await writeFile(join(copy, file), await readFile(join(path, file)));
  await writeFile(join(copy, "extension.json"), JSON.stringify({ ...manifest, ...source.manifest }));
  return { path: copy, remove: () => rm(copy, { recursive: true, force: true }) };
}

async function originalFolder(engine: string, source: EngineSource, guest: GuestName): Promise<string> {
  if (guest === "validate") return fixture(source.fixture);
  if (guest === "forever" && engine !== "v8") return fixture(`guests/${engine}/loop`);
  const path = join(GUESTS, guest, engine);
  if (existsSync(join(path, "extension.json"))) return path;
  throw new NoSuchGuest(`benchmarks/guests/${guest} has no folder for the engine ${engine}`);
}

/** What the packages of this workspace that are engines register themselves with: a new one is found without being named. */
export async function enginePackages(): Promise<{ name: string; module: string }[]> {
  const found = [];
  for (const folder of await readdir(join(ROOT, "packages"))) {
    const dir = join(ROOT, "packages", folder);
    const text = await readFile(join(dir, "package.json"), "utf8").catch(() => "{}");
    const { name, extruntime } = JSON.parse(text) as { name?: string; extruntime?: { register?: string } };
    if (name !== undefined && extruntime?.register !== undefined)
      found.push({ name, module: join(dir, extruntime.register) });
  }
  return found;
}
