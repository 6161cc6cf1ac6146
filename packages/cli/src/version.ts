import { createRequire } from "node:module";

/** Of this package, and of the core that came with it: all have one version. */
export const { version } = createRequire(import.meta.url)("../package.json") as { version: string };
