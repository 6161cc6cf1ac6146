import type { BuildOptions, BuildResult, Message } from "esbuild";
import { ExtensionError } from "../errors.ts";

/** Milliseconds that a bundle may take: a large one takes one or two, and a stranger's source may be made to take long. */
const MOST_MS = 60_000;

type Esbuild = typeof import("esbuild");

let loading: Promise<Esbuild | undefined> | undefined;

/** The host's own esbuild; `undefined` where it has none. */
export function findEsbuild(): Promise<Esbuild | undefined> {
  loading ??= import("esbuild").catch(() => undefined);
  return loading;
}

export function noEsbuild(module: string): ExtensionError {
  return new ExtensionError(
    "ERR_EXT_UNSUPPORTED",
    `its module ${module} has to be bundled, for which this host lacks esbuild: install it beside extruntime (npm install esbuild), or have the author bundle the extension into one .mjs file`,
  );
}

/** Faults that esbuild has found. */
export class BundleFaults extends Error {
  readonly faults: readonly Message[];

  constructor(faults: readonly Message[]) {
    super("the bundle has faults");
    this.faults = faults;
  }
}

/**
 * @throws BundleFaults for what is wrong with the source; ExtensionError `ERR_EXT_TIMEOUT`, and `ERR_EXT_CRASHED` where esbuild's process ended:
 * the next bundle starts another.
 */
export async function build(options: BuildOptions): Promise<BuildResult> {
  const esbuild = (await findEsbuild())!;
  const context = await esbuild.context(options);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    void context.cancel().catch(() => {});
  }, MOST_MS);
  try {
    return await context.rebuild();
  } catch (error) {
    if (late) throw new ExtensionError("ERR_EXT_TIMEOUT", `it was not bundled within ${MOST_MS} ms`);
    const faults = (error as { errors?: readonly Message[] }).errors;
    if (faults !== undefined) throw new BundleFaults(faults);
    await esbuild.stop();
    throw new ExtensionError("ERR_EXT_CRASHED", `esbuild ended while it bundled it: ${(error as Error).message}`, {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
    await context.dispose().catch(() => {});
  }
}
