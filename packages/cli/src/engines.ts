import { type Discovery, discoverRuntimes, ExtensionError, type Manifest, type Runtime } from "extruntime";

/**
 * The engines beside this package, and those that the working directory has. What lies in an extension's own folder is not looked at: it is
 * somebody else's, and an engine is code that runs here.
 */
export async function findEngines(): Promise<Discovery> {
  return discoverRuntimes();
}

/** The runtime that a manifest wants. */
export function runtimeOf(
  { runtime: wanted }: Pick<Manifest, "runtime">,
  { runtimes }: Discovery,
): Runtime | undefined {
  return runtimes.find(
    ({ name, aliases, unavailable }) => unavailable === undefined && (name === wanted || aliases.includes(wanted)),
  );
}

/** Why a runtime cannot be had here, and what to do. */
export function whyMissing(
  wanted: string,
  { runtimes, unavailable }: Discovery,
): { reason: string; remedy: string | undefined } {
  const known = unavailable.find(({ name, aliases }) => name === wanted || aliases.includes(wanted));
  if (known !== undefined)
    return { reason: `the engine of ${wanted} cannot be had here: ${known.reason}`, remedy: known.remedy || undefined };
  const names = [...new Set([...runtimes, ...unavailable].map(({ name }) => name))].sort();
  return { reason: `there is no runtime ${JSON.stringify(wanted)}; known are ${names.join(", ")}`, remedy: undefined };
}

/** @throws ExtensionError `ERR_EXT_UNKNOWN_RUNTIME` where the engine of a manifest is not there. */
export function requireRuntime(manifest: Pick<Manifest, "runtime">, discovery: Discovery): Runtime {
  const runtime = runtimeOf(manifest, discovery);
  if (runtime !== undefined) return runtime;
  const { reason, remedy } = whyMissing(manifest.runtime, discovery);
  throw new ExtensionError("ERR_EXT_UNKNOWN_RUNTIME", remedy === undefined ? reason : `${reason}. ${remedy}`);
}

export async function closeAll({ runtimes }: Pick<Discovery, "runtimes">): Promise<void> {
  await Promise.all(runtimes.map((runtime) => runtime.close({ abort: true })));
}
