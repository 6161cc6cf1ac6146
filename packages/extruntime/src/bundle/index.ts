import { type Extension, peekModule } from "../manifest/extension.ts";
import type { Bundle } from "./bundle.ts";
import { BUNDLE, SCRIPT } from "./bundle-name.ts";
import { findEsbuild, noEsbuild } from "./esbuild.ts";
import { needsBundle } from "./needs-bundle.ts";
import type { BundleMap } from "./source-map.ts";
import type { BundleTarget } from "./target.ts";

export type { BundleTarget } from "./target.ts";

/** An extension as its engine is to load it. */
export interface Prepared {
  readonly extension: Extension;
  /** Of an extension that was bundled. */
  readonly map: BundleMap | undefined;
}

/**
 * Bundles an extension for an engine, where that is to be done.
 *
 * @throws ExtensionError as `bundle`; `ERR_EXT_UNSUPPORTED` where it has to be done and the host lacks esbuild.
 */
export async function prepare(extension: Extension, target: BundleTarget | undefined): Promise<Prepared> {
  const made = await bundleIfNeeded(extension, target);
  if (made === undefined) return { extension, map: undefined };
  const { BundleMap } = await import("./source-map.ts");
  return { extension: bundled(extension, made), map: new BundleMap(extension.manifest.module!, made.map) };
}

/** `undefined` where it loads as it is. */
export async function bundleIfNeeded(
  extension: Extension,
  target: BundleTarget | undefined,
): Promise<Bundle | undefined> {
  const { module } = extension.manifest;
  if (target === undefined || module === undefined) return undefined;
  const need = await needsBundle(extension, target, () => peekModule(extension));
  if (need === "no") return undefined;
  if ((await findEsbuild()) === undefined) {
    if (need === "maybe") return undefined;
    throw noEsbuild(module);
  }
  const { bundle } = await import("./bundle.ts");
  const made = await bundle(extension, target);
  return need === "maybe" && !made.isModule ? undefined : made;
}

function bundled({ manifest, location }: Extension, { code, isModule }: Bundle): Extension {
  const module = isModule ? BUNDLE : SCRIPT;
  const bytes = Buffer.from(code);
  return {
    manifest: { ...manifest, module },
    location,
    dir: undefined,
    read: async () => bytes,
    list: async () => [module],
  };
}
