import * as v from "valibot";
import { type ManifestSection, noList, type SectionSchema, sectionDefinition } from "./section.ts";

/**
 * The engines of this project, and the one place of the core that names them: a manifest for an engine that is not installed can be checked, and
 * the package that brings it can be told. An engine that is installed describes itself, and what it says counts.
 */

interface KnownEngine {
  /** The name in a manifest's `runtime`. */
  readonly name: string;
  readonly aliases: readonly string[];
  /** Where it comes from; `undefined` for one that is not published. */
  readonly package: string | undefined;
  /** Name of its section in a manifest. */
  readonly section: string;
}

/** The section of engines for Python. */
export const PYTHON_SECTION = {
  name: "python",
  schema: {
    interpreter: {
      type: "string",
      enum: ["isolated", "shared"],
      description: "`isolated`: interpreters of its own. `shared`: the main one, for C extensions such as numpy.",
    },
    venv: { type: "string", description: "Virtual environment whose packages it uses." },
    path: {
      type: "array",
      items: { type: "string" },
      description: "Folders that are put on sys.path, after the extension's own.",
    },
    json: {
      type: "string",
      enum: ["standard", "extended"],
      description:
        "`standard`: results are what json.dumps takes. `extended`: numpy, dates, dataclasses and others, too.",
    },
  },
} as const satisfies ManifestSection;

export const KNOWN_ENGINES: readonly KnownEngine[] = [
  { name: "quickjs", aliases: ["goja"], package: "@extruntime/quickjs", section: "quickjs" },
  { name: "wasm", aliases: ["wazero"], package: "@extruntime/wasm", section: "wasm" },
  { name: "v8", aliases: ["v8go"], package: "@extruntime/v8", section: "v8" },
  { name: "pyvm", aliases: [], package: "@extruntime/pyvm", section: PYTHON_SECTION.name },
  { name: "pywasm", aliases: [], package: "@extruntime/pywasm", section: PYTHON_SECTION.name },
];

/** Endings of files by language, where they are not the language's name. */
export const ENDINGS: Readonly<Record<string, string>> = { javascript: "js", python: "py" };

/** What may be in a section of an engine that may not be there: what is in it is checked where the engine is. */
const anything = noList(v.record(v.string(), v.unknown(), "must be an object"));

/** Sections in the definition of a manifest. */
export const SECTION_ENTRIES = {
  native: v.optional(sectionDefinition({})),
  quickjs: v.optional(anything),
  wasm: v.optional(anything),
  v8: v.optional(anything),
  python: v.optional(sectionDefinition(PYTHON_SECTION.schema)),
};

/** Of these, the ones that are checked by the definition itself. */
export const SECTION_SCHEMAS: Readonly<Record<string, SectionSchema>> = Object.assign(Object.create(null), {
  native: {},
  [PYTHON_SECTION.name]: PYTHON_SECTION.schema,
});

/** Name of the section of a runtime whose engine is not there to say so. */
export function knownSectionOf(runtime: string): string | undefined {
  return KNOWN_ENGINES.find(({ name, aliases }) => name === runtime || aliases.includes(runtime))?.section;
}
