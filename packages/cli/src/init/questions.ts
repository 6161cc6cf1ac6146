import { cancel, isCancel, select, text } from "@clack/prompts";
import { UsageError } from "../exit-codes.ts";
import type { Io } from "../terminal/io.ts";
import { LANGUAGES, type Language, languageSpec } from "./languages.ts";

/** What a command line has left open. */
export interface Asked {
  readonly folder: string | undefined;
  readonly language: Language | undefined;
  readonly runtime: string | undefined;
}

/** What is settled. */
export interface Settled {
  readonly folder: string;
  readonly language: Language;
  readonly runtime: string;
}

/** Whether there is somebody to ask: at the process's own terminal. */
export function canAsk({ stdin, stdout }: Io): boolean {
  const isOwn = stdin === process.stdin && stdout === process.stdout;
  return isOwn && process.stdin.isTTY === true && process.stdout.isTTY === true && !process.env.CI;
}

/**
 * Asks for what was left open.
 *
 * @throws UsageError where whoever is asked gives up.
 */
export async function ask(given: Asked): Promise<Settled> {
  const answered = <T>(answer: T | symbol): T => {
    if (!isCancel(answer)) return answer;
    cancel("Nothing was made.");
    throw new UsageError("it was given up");
  };
  const folder =
    given.folder ??
    answered(await text({ message: "Folder of the extension", placeholder: "hello", defaultValue: "hello" }));
  const language =
    given.language ??
    answered(
      await select<Language>({
        message: "Language",
        options: (Object.keys(LANGUAGES) as Language[]).map((value) => ({ value, label: LANGUAGES[value].label })),
      }),
    );
  const { runtimes } = languageSpec(language);
  const runtime =
    given.runtime ??
    (runtimes.length === 1
      ? runtimes[0]
      : answered(
          await select<string>({
            message: "Runtime",
            options: runtimes.map((value) => ({ value, label: value, hint: HINTS[value] ?? "" })),
          }),
        ));
  return { folder, language, runtime };
}

const HINTS: Readonly<Record<string, string>> = {
  quickjs: "a sandbox, without anything native",
  v8: "a sandbox at full speed; wants isolated-vm",
  native: "the host's own JavaScript, for code that is trusted",
};
