import type { ExtensionError } from "extruntime";
import { type Output, visible } from "./io.ts";

/** An error of an extension, as JSON has it. */
export function failureJson({ code, message, extension, function: fn, guest }: ExtensionError): object {
  return { code, message, extension, function: fn, guest };
}

/** An error of an extension, with the guest's own stack. */
export function printFailure(error: ExtensionError, err: Output): void {
  const { colors } = err;
  err.line(`${colors.red("✖")} ${visible(error.message)} ${colors.dim(error.code)}`);
  // Stacks of V8 begin with the message, which is told already.
  const said = new Set(error.message.split("\n"));
  for (const line of (error.guest?.stack ?? "").split(/\r?\n/)) {
    const known = line.trim() === "" || [...said].some((each) => each.endsWith(line));
    if (!known) err.line(colors.dim(`    ${visible(line.trim())}`));
  }
}
