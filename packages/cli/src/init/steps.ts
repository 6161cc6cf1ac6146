import { createRequire } from "node:module";
import { join } from "node:path";
import { type Language, languageSpec } from "./languages.ts";
import { neededPackages } from "./packages.ts";

/** A command that comes after the making of an extension. */
export interface Step {
  /** As it is typed where `init` was. */
  readonly command: string;
  /** As it is typed in the extension's folder. */
  readonly here: string;
}

export interface Steps {
  readonly name: string;
  readonly language: Language;
  readonly runtime: string;
  /** As the user named it. */
  readonly folder: string;
  readonly package: boolean;
}

const VALUE = `'{ "name": "Ada" }'`;
/** The call that an extension's own README shows. */
export const CALL = `npx extruntime call . greet ${VALUE}`;

/** What to do next: install, build, check, test. In an extension with a package.json all is done in its folder, else where `init` was called. */
export function nextSteps({ name, language, runtime, folder, package: own }: Steps): Step[] {
  const { build, module } = languageSpec(language);
  const word = shellWord(folder);
  const both = (command: string) => ({ command, here: command });
  if (own)
    return [
      both("npm install"),
      ...(build === undefined ? [] : [both("npm run build")]),
      both("npm run check"),
      both("npm test"),
    ];
  const missing = Object.keys(neededPackages(language, runtime)).filter((each) => !isThere(each));
  const prefix = folder === "." ? "" : `${word}/`;
  const built =
    typeof build === "function"
      ? { command: `npx ${build(prefix, module(name))}`, here: `npx ${build("", module(name))}` }
      : { command: folder === "." ? "make" : `make -C ${word}`, here: "make" };
  return [
    ...(missing.length === 0 ? [] : [both(`npm install --save-dev ${missing.join(" ")}`)]),
    ...(build === undefined ? [] : [built]),
    ...["check", "test"].map((command) => ({
      command: `npx extruntime ${command} ${word}`,
      here: `npx extruntime ${command} .`,
    })),
  ];
}

export function callOf(folder: string): string {
  return `npx extruntime call ${shellWord(folder)} greet ${VALUE}`;
}

function isThere(name: string): boolean {
  for (const place of [join(process.cwd(), "package.json"), import.meta.url])
    try {
      createRequire(place).resolve(`${name}/package.json`);
      return true;
    } catch {
      // The next place may have it.
    }
  return false;
}

export function shellWord(text: string): string {
  return /^[\w./@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
