import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** Folder of the core's package, whose frames and files are the host's. */
export const CORE_FOLDER = dirname(createRequire(import.meta.url).resolve("extruntime/package.json"));

/** Folder of this package, which is the host's too. */
export const KIT_FOLDER = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
