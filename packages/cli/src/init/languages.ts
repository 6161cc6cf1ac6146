import type { SdkLanguage } from "@extruntime/guest";

/** A language that an extension can be written in. */
export interface LanguageSpec {
  readonly label: string;
  /** Runtimes that take it, the usual one first. */
  readonly runtimes: readonly [string, ...string[]];
  /** The manifest's module; that of a compiled extension has its name. */
  readonly module: (name: string) => string;
  /** Files of the template, which have the source in them. */
  readonly files: readonly string[];
  /** The SDK that is copied into the extension, and where to. */
  readonly sdk?: { readonly language: SdkLanguage; readonly folder: string } | undefined;
  /** Packages of npm that it wants beside its engine, with their ranges; those of this project have its version. */
  readonly packages: Readonly<Record<string, string | undefined>>;
  /** How it is built, where it must be: with make, or by a command of npm's. */
  readonly build?: "make" | ((folder: string, module: string) => string) | undefined;
  /** What of it version control leaves out. */
  readonly ignored: readonly string[];
}

const compiled = (name: string) => `${name}.wasm`;
const OWN = undefined;

export const LANGUAGES = {
  javascript: {
    label: "JavaScript",
    runtimes: ["quickjs", "v8", "native"],
    module: () => "index.mjs",
    files: ["index.mjs", "jsconfig.json"],
    packages: { "@extruntime/guest": OWN },
    ignored: [],
  },
  python: {
    label: "Python",
    runtimes: ["pyvm"],
    module: () => "main.py",
    files: ["main.py"],
    // Where Pyright and Pylance look unasked.
    sdk: { language: "python", folder: "typings/extruntime" },
    packages: {},
    ignored: ["__pycache__/"],
  },
  assemblyscript: {
    label: "AssemblyScript",
    runtimes: ["wasm"],
    module: compiled,
    files: ["index.ts", "tsconfig.json"],
    packages: { "@extruntime/guest": OWN, assemblyscript: "^0.28.20" },
    build: (folder, module) => `asc ${folder}index.ts --outFile ${folder}${module} --optimize`,
    ignored: ["*.wasm"],
  },
  rust: {
    label: "Rust",
    runtimes: ["wasm"],
    module: compiled,
    files: ["src/lib.rs", "Cargo.toml", "Makefile"],
    sdk: { language: "rust", folder: "extruntime-guest" },
    packages: {},
    build: "make",
    ignored: ["*.wasm", "target/"],
  },
  go: {
    label: "Go",
    runtimes: ["wasm"],
    module: compiled,
    files: ["main.go", "go.mod", "Makefile"],
    sdk: { language: "go", folder: "extruntime" },
    packages: {},
    build: "make",
    ignored: ["*.wasm"],
  },
  c: {
    label: "C",
    runtimes: ["wasm"],
    module: compiled,
    files: ["index.c", "Makefile"],
    sdk: { language: "c", folder: "." },
    packages: {},
    build: "make",
    ignored: ["*.wasm"],
  },
} as const satisfies Readonly<Record<string, LanguageSpec>>;

export type Language = keyof typeof LANGUAGES;

export function languageSpec(language: Language): LanguageSpec {
  return LANGUAGES[language];
}
