/**
 * Time zone, language and the data for both are the host's in every process, so that a placement changes no answer of `Date`, `Intl` or a C library.
 * A worker has them as they were when it started.
 */

/** Of the host's environment. `processes.env` goes before them. */
const NAMES = /^(TZ|TZDIR|LANG|LANGUAGE|LC_[A-Z]+|LOCPATH|NODE_ICU_DATA)$/;
/** Those of them that name files, which a sandbox has to show. */
const PATHS = ["TZ", "TZDIR", "LOCPATH", "NODE_ICU_DATA"];
/** The same as an option of Node. */
const ICU_OPTION = "--icu-data-dir=";

export function hostLocale(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) if (NAMES.test(name) && value !== undefined) found[name] = value;
  return found;
}

/** Options with which Node has the host's locale data. */
export function localeArguments(): string[] {
  return process.execArgv.filter((each) => each.startsWith(ICU_OPTION));
}

/** Absolute paths of files and folders that these variables and options name. A time zone may be a file's path, after a colon or without. */
export function localePaths(env: Readonly<Record<string, string>>): string[] {
  const values = PATHS.flatMap((name) => env[name] ?? []).flatMap((value) => value.split(":"));
  return [...values, ...localeArguments().map((each) => each.slice(ICU_OPTION.length))].filter((path) =>
    path.startsWith("/"),
  );
}
