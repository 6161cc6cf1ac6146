import { join } from "node:path";
import {
  type Discovery,
  type Extension,
  ExtensionError,
  type Manifest,
  openExtension,
  type Placement,
} from "extruntime";
import { runtimeOf, whyMissing } from "../engines.ts";
import { loadProblems, type Place } from "./load-problems.ts";
import { checkManifest, withoutFile } from "./manifest-faults.ts";
import { limitWarnings, placementsOf } from "./placements.ts";
import type { Problem, Texts } from "./problem.ts";
import { strangersWarnings } from "./strangers-warnings.ts";
import { unusedPermissions } from "./unused-permissions.ts";

/** All that was found out about an extension. */
export interface CheckReport {
  readonly problems: readonly Problem[];
  /** Its manifest, where that is valid. */
  readonly manifest: Manifest | undefined;
  /** The runtime that loads it, where it is there. */
  readonly runtime: string | undefined;
  /** Placements that this runtime can give it. */
  readonly placements: readonly Placement[];
  /** Whether its engine was there to load it: what only the engine can tell was not looked at without. */
  readonly loaded: boolean;
  readonly texts: Texts;
}

/** Checks an extension as far as it can be: its manifest, then its files, then its code in its engine, then what other hosts would say. */
export async function checkExtension(folder: string, engines: () => Promise<Discovery>): Promise<CheckReport> {
  const file = join(folder, "extension.json");
  const { json, problems } = await checkManifest(file);
  const texts = new Map<string, string>(json === undefined ? [] : [[file, json.text]]);
  const nothing = { manifest: undefined, runtime: undefined, placements: [], loaded: false, texts };
  if (json === undefined || problems.length > 0) return { ...nothing, problems };
  let extension: Extension;
  try {
    extension = await openExtension(folder);
  } catch (error) {
    if (!ExtensionError.is(error)) throw error;
    const { code } = error;
    const message = withoutFile(error.message, file);
    return { ...nothing, problems: [{ severity: "error", code, message, file, ...json.rangeOf(["module"]) }] };
  }
  const { manifest } = extension;
  const place: Place = { json, file, fileOf: (path) => join(folder, path), texts };
  const warnings = await unusedPermissions(extension, place);
  const discovery = await engines();
  const runtime = runtimeOf(manifest, discovery);
  if (runtime === undefined) {
    const { reason: message, remedy } = whyMissing(manifest.runtime, discovery);
    const range = json.rangeOf(["runtime"]);
    const missing = { severity: "error", code: "ERR_EXT_UNKNOWN_RUNTIME", message, remedy, file, ...range } as const;
    return { ...nothing, manifest, problems: [missing, ...warnings] };
  }
  return {
    manifest,
    runtime: runtime.name,
    placements: placementsOf(runtime, manifest),
    loaded: true,
    problems: [
      ...(await loadProblems(extension, runtime, place)),
      ...warnings,
      ...limitWarnings(runtime, manifest, json, file),
      ...(await strangersWarnings(extension, json, file, discovery)),
    ],
    texts,
  };
}
