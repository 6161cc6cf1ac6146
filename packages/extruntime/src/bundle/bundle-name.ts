/** Either of them in a stack, as a regular expression. */
export const EITHER = "extruntime-bundle\\.m?js";
/** The one file of a bundled extension, as its engine sees it. */
export const BUNDLE = "extruntime-bundle.mjs";
/** The same of a script. */
export const SCRIPT = "extruntime-bundle.js";
