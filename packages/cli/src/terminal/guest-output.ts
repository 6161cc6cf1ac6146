import type { Logger, LogLevel } from "extruntime";
import { type Output, visible } from "./io.ts";

/** Shows what guests print, each line with its level. */
export function guestLogger(err: Output): Logger {
  const { colors } = err;
  const paint = { debug: colors.dim, info: colors.cyan, warn: colors.yellow, error: colors.red };
  const show = (level: LogLevel) => (text: string) => {
    for (const line of text.split(/\r?\n/)) err.line(`${paint[level](level.padEnd(5))} ${visible(line)}`);
  };
  return { debug: show("debug"), info: show("info"), warn: show("warn"), error: show("error") };
}
