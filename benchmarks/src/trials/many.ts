import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { InstanceBudget, type ManifestInput, type Module, type Runtime } from "extruntime";
import { type EngineSource, guestFolder, makeRuntime } from "../subjects/engines.ts";
import type { SubjectSpec } from "../subjects/subject.ts";

/** Many extensions of one engine under one bound on live instances, each with a name of its own. */
export interface Tenants {
  readonly runtime: Runtime;
  /** The next one, from memory, as a host has them that keeps them in a database. Its instances are made on demand. */
  load(): Promise<Module>;
}

export async function makeTenants(spec: SubjectSpec): Promise<Tenants> {
  const runtime = await makeRuntime(spec.engine!, spec.source as EngineSource);
  const { path, remove } = await guestFolder(spec, "validate");
  const files: Record<string, Uint8Array> = {};
  for (const file of await readdir(path)) files[file] = await readFile(join(path, file));
  await remove();
  const manifest = JSON.parse(Buffer.from(files["extension.json"]!).toString()) as ManifestInput;
  delete files["extension.json"];
  const budget = new InstanceBudget();
  let count = 0;
  return {
    runtime,
    load: () => runtime.load({ manifest: { ...manifest, name: `tenant-${count++}` }, files }, { lazy: true, budget }),
  };
}
