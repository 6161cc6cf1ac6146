import type { LanguageTraits } from "./setup.ts";

/** The languages that the kit knows: it brings guests and escapes of its own for them. */
const KNOWN: Readonly<Record<string, LanguageTraits>> = {
  javascript: { values: true, catches: true, awaits: true, builtins: true, stacks: true },
  python: { values: true, catches: true, awaits: true, builtins: true, stacks: true },
  wasm: { values: false, catches: false, awaits: false, builtins: false, stacks: false },
};

/** Of a language that nobody described, everything is expected. */
const UNKNOWN: LanguageTraits = { values: true, catches: true, awaits: true, builtins: true, stacks: true };

/** @throws TypeError where somebody says less of a language that the kit knows. */
export function traitsOf(language: string, said: Partial<LanguageTraits> | undefined): LanguageTraits {
  const known = KNOWN[language];
  if (known === undefined) return { ...UNKNOWN, ...said };
  if (said !== undefined) throw new TypeError(`the kit knows ${language}; its traits cannot be set`);
  return known;
}
