import { existsSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { EXIT, UsageError } from "../exit-codes.ts";
import { newFiles } from "../init/files.ts";
import { type Language, languageSpec } from "../init/languages.ts";
import { ask, canAsk, type Settled } from "../init/questions.ts";
import { callOf, nextSteps, shellWord } from "../init/steps.ts";
import { visible } from "../terminal/io.ts";
import { type Context, type Outcome, printJson } from "./command.ts";

export interface InitOptions {
  readonly language?: Language | undefined;
  /** The first of the language where it is left out. */
  readonly runtime?: string | undefined;
  readonly name?: string | undefined;
  /** Whether it gets a package.json; where it lies in no project of npm's, without a word. */
  readonly package?: boolean | undefined;
  /** Asks nothing, in a terminal too. */
  readonly yes?: boolean | undefined;
}

/** `extruntime init [folder]` */
export async function init(given: string | undefined, options: InitOptions, context: Context): Outcome {
  const { folder, language, runtime } = await settle(given, options, context);
  const { label, runtimes } = languageSpec(language);
  if (!runtimes.includes(runtime))
    throw new UsageError(`--runtime for ${label} is one of ${runtimes.join(", ")}, and ${runtime} is not`);
  const name = options.name ?? basename(resolve(folder));
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(name))
    throw new UsageError(
      `the name of an extension has letters, digits, - and _, 128 at the most, and ${JSON.stringify(name)} is none: give another one with --name`,
    );
  const own = options.package ?? !isInProject(folder);
  const steps = nextSteps({ name, language, runtime, folder, package: own });
  const schema = own ? `./${SCHEMA}` : schemaFrom(folder);
  const files = newFiles({ name, language, runtime, schema, package: own }, steps);
  await write(folder, files);
  const paths = Object.keys(files).map((path) => join(folder, path));
  const call = callOf(own ? "." : folder);
  const next = [
    ...(own && resolve(folder) !== process.cwd() ? [`cd ${shellWord(folder)}`] : []),
    ...steps.map(({ command }) => command),
    call,
  ];
  if (context.json) {
    printJson({ ok: true, name, language, runtime, files: paths, next }, context);
    return EXIT.ok;
  }
  const { out } = context;
  out.line(`${out.colors.green("✔")} ${out.colors.bold(name)} in ${label} for ${runtime}`);
  for (const path of paths) out.line(`  ${visible(path)}`);
  out.line("\nNext:");
  for (const command of next) out.line(`  ${visible(command)}`);
  return EXIT.ok;
}

/** What the command line says, what is answered where there is somebody to ask, and else what is usual. */
async function settle(folder: string | undefined, options: InitOptions, { io, json }: Context): Promise<Settled> {
  const { language, runtime } = options;
  if (options.yes !== true && !json && canAsk(io)) return ask({ folder, language, runtime });
  const settled = language ?? "javascript";
  return { folder: folder ?? ".", language: settled, runtime: runtime ?? languageSpec(settled).runtimes[0] };
}

/** Whether the folder, or one around it, has a package.json. */
function isInProject(folder: string): boolean {
  for (let dir = resolve(folder); ; dir = dirname(dir)) {
    if (existsSync(join(dir, "package.json"))) return true;
    if (dirname(dir) === dir) return false;
  }
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
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text, { flag: "wx" });
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${folder} cannot be written: ${(error as Error).message}`);
  }
}
