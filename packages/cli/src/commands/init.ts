import { existsSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { EXIT, UsageError } from "../exit-codes.ts";
import { LANGUAGES, type Language, templateFiles } from "../templates.ts";
import { visible } from "../terminal/io.ts";
import { type Context, type Outcome, printJson } from "./command.ts";

export interface InitOptions {
  readonly language: Language;
  /** The first of the language where it is left out. */
  readonly runtime?: string | undefined;
  readonly name?: string | undefined;
}

/** `extruntime init [folder]` */
export async function init(folder: string, options: InitOptions, context: Context): Outcome {
  const { runtimes } = LANGUAGES[options.language];
  const runtime = options.runtime ?? runtimes[0];
  if (!(runtimes as readonly string[]).includes(runtime))
    throw new UsageError(`--runtime for ${options.language} is one of ${runtimes.join(", ")}, and ${runtime} is not`);
  const name = options.name ?? basename(resolve(folder));
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(name))
    throw new UsageError(
      `the name of an extension has letters, digits, - and _, 128 at the most, and ${JSON.stringify(name)} is none: give another one with --name`,
    );
  const files = templateFiles({ name, language: options.language, runtime, schema: schemaFrom(folder) });
  await write(folder, files);
  const paths = Object.keys(files).map((path) => join(folder, path));
  const next = ["check", "test"].map((command) => `npx extruntime ${command} ${shellWord(folder)}`);
  if (context.json) {
    printJson({ ok: true, name, runtime, files: paths, next }, context);
    return EXIT.ok;
  }
  const { out } = context;
  out.line(`${out.colors.green("✔")} ${out.colors.bold(name)} for ${runtime}`);
  for (const path of paths) out.line(`  ${visible(path)}`);
  out.line("\nNext:");
  for (const command of next) out.line(`  ${visible(command)}`);
  out.line(`  ${visible(`npx extruntime call ${shellWord(folder)} greet '{ "name": "Ada" }'`)}`);
  return EXIT.ok;
}

const SCHEMA = "node_modules/extruntime/extension.schema.json";

/** The schema of the nearest installation, as a path from the folder; where there is none, of the one that the working directory will have. */
function schemaFrom(folder: string): string {
  const from = resolve(folder);
  for (let dir = from; ; dir = dirname(dir)) {
    if (existsSync(join(dir, SCHEMA))) return pathFrom(from, dir);
    if (dirname(dir) === dir) break;
  }
  const fromHere = relative(process.cwd(), from);
  return fromHere.startsWith("..") || isAbsolute(fromHere) ? `./${SCHEMA}` : pathFrom(from, process.cwd());
}

function pathFrom(folder: string, root: string): string {
  const up = relative(folder, root).split(sep).join("/");
  return up === "" ? `./${SCHEMA}` : `${up}/${SCHEMA}`;
}

/** Nothing that is there is changed. */
async function write(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    const there = new Set(await readdir(folder));
    const taken = Object.keys(files).filter((path) => there.has(path) || existsSync(join(folder, path)));
    if (taken.length > 0)
      throw new UsageError(`${folder} has ${taken.join(", ")} already: name another folder, or remove what is there`);
    for (const [path, text] of Object.entries(files)) await writeFile(join(folder, path), text, { flag: "wx" });
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${folder} cannot be written: ${(error as Error).message}`);
  }
}

function shellWord(text: string): string {
  return /^[\w./@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
