import { existsSync } from "node:fs";
import { ExtensionError } from "../../errors.ts";
import { isShown, type Shown } from "./sandbox-files.ts";

/** An absolute path in a message. Blanks and what ends a sentence are not taken for a part of it. */
const PATHS = /(?<![\w.~-])\/[\w.@%+~-]+(?:\/[\w.@%+~-]+)+/g;

/**
 * An engine that could not be made in a sandbox, and says of a file that it is not there: told with the setting that shows it. Unchanged where the
 * message names no file of the host that the sandbox hides.
 */
export function withHiddenPath(error: ExtensionError, shown: readonly Shown[]): ExtensionError {
  // What a guest says of files is its own.
  if (error.code !== "ERR_EXT_UNSUPPORTED") return error;
  const hidden = (error.message.match(PATHS) ?? []).find((path) => existsSync(path) && !isShown(path, shown));
  if (hidden === undefined) return error;
  const { code, message } = error;
  const remedy = `${hidden} is outside of what the sandbox shows: name the folder in which it is installed in processes.sandbox.readable, such as sandbox: { readable: ["/opt/it"] }`;
  return new ExtensionError(code, `${message}\n${remedy}`, { cause: error });
}
