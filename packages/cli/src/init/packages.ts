import { version } from "../version.ts";
import { type Language, languageSpec } from "./languages.ts";

/** Packages that an extension is developed with, with their ranges. */
export function neededPackages(language: Language, runtime: string): Record<string, string> {
  const { packages } = languageSpec(language);
  const engine = runtime === "native" ? {} : { [`@extruntime/${runtime}`]: undefined };
  const all: Record<string, string | undefined> = { "@extruntime/cli": undefined, ...engine, ...packages };
  if (runtime === "v8") all["isolated-vm"] = "*";
  return Object.fromEntries(Object.entries(all).map(([name, range]) => [name, range ?? `^${version}`]));
}

/** npm's names, Cargo's and Go's have small letters, and begin with one. */
export function packageName(name: string): string {
  const small = name.toLowerCase().replace(/^[-_]+/, "");
  return /^[a-z]/.test(small) ? small : `extension-${small}`;
}
