import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { sdkFolder } from "@extruntime/guest";
import { type Language, type LanguageSpec, languageSpec } from "./languages.ts";
import { neededPackages, packageName } from "./packages.ts";
import { CALL, type Step } from "./steps.ts";

/** What a new extension is to be. */
export interface NewExtension {
  readonly name: string;
  readonly language: Language;
  readonly runtime: string;
  /** Where an editor finds the manifest's schema. */
  readonly schema: string;
  /** Whether it gets a package.json, with all that it wants. */
  readonly package: boolean;
}

/** Files of a new extension, by their paths. */
export function newFiles(extension: NewExtension, steps: readonly Step[]): Record<string, string> {
  const { name, language } = extension;
  const spec = languageSpec(language);
  const module = spec.module(name);
  const files: Record<string, string> = { "extension.json": manifest(extension, module) };
  for (const path of spec.files)
    files[path] = template(`${language}/${path}`)
      .replaceAll("{{module}}", module)
      .replaceAll("{{package}}", packageName(name));
  files["cases.json"] = json(CASES);
  for (const [path, text] of sdkFiles(spec)) files[path] = text;
  if (extension.package) files["package.json"] = packageJson(extension, spec, module);
  const ignored = [...(extension.package ? ["node_modules/"] : []), ...spec.ignored];
  if (ignored.length > 0) files[".gitignore"] = `${ignored.join("\n")}\n`;
  files["README.md"] = readme(extension, spec, module, steps);
  return files;
}

function template(path: string): string {
  return readFileSync(fileURLToPath(new URL(`../../templates/${path}`, import.meta.url)), "utf8");
}

function manifest({ name, language, runtime, schema }: NewExtension, module: string): string {
  return json({
    $schema: schema,
    name,
    version: "0.1.0",
    description: "Greets people.",
    runtime,
    module,
    exports: ["greet"],
    // Any CPython can be its interpreter: those of their own want 3.12.
    ...(language === "python" ? { python: { interpreter: "shared" } } : {}),
  });
}

const CASES = {
  cases: [
    { name: "greets", function: "greet", input: { name: "Ada" }, output: { text: "Hello, Ada!" } },
    {
      name: "wants a name",
      function: "greet",
      input: {},
      error: { code: "ERR_EXT_GUEST", name: "TypeError", message: "name must be a text" },
    },
  ],
};

function* sdkFiles({ sdk }: LanguageSpec): Generator<[string, string]> {
  if (sdk === undefined) return;
  const root = sdkFolder(sdk.language);
  for (const entry of readdirSync(root, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const inside = path.slice(root.length + 1).replaceAll("\\", "/");
    // What building it where it is published has left.
    if (inside.startsWith("target/") || inside === "Cargo.lock") continue;
    yield [posix.join(sdk.folder, inside), readFileSync(path, "utf8")];
  }
}

function packageJson({ name, language, runtime }: NewExtension, { build }: LanguageSpec, module: string): string {
  const built = typeof build === "function" ? build("", module) : build;
  return json({
    name: packageName(name),
    version: "0.1.0",
    private: true,
    scripts: {
      ...(built === undefined ? {} : { build: built }),
      check: "extruntime check .",
      test: "extruntime test .",
    },
    devDependencies: neededPackages(language, runtime),
  });
}

function readme({ name, runtime }: NewExtension, spec: LanguageSpec, module: string, steps: readonly Step[]): string {
  const commands = steps.map(({ here }) => `    ${here}`).join("\n");
  const [source] = spec.files;
  const built = spec.build === undefined ? "" : `, from which \`${module}\` is built`;
  const sdk =
    spec.sdk === undefined || spec.sdk.folder === "."
      ? ""
      : `- \`${spec.sdk.folder}/\`: what extruntime gives to extensions in ${spec.label}, copied from \`@extruntime/guest\`\n`;
  return `# ${name}

An extension for [extruntime](https://www.npmjs.com/package/extruntime), in ${spec.label}, for the runtime \`${runtime}\`. In this folder:

${commands}
    ${CALL}

- \`extension.json\`: what it is called, what runs it, and the functions that a host may call
- \`${source}\`: its code${built}
- \`cases.json\`: calls of its functions, each with the \`output\` or the \`error\` that must come of it
${sdk}`;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
