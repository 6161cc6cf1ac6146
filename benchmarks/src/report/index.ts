import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DOCS, NOTES } from "../paths.ts";
import type { RunResult } from "../result.ts";
import { renderGuide } from "./guide.ts";
import { type Notes, renderMarkdown } from "./markdown.ts";
import { renderPage } from "./page.ts";

/** Writes the three documents of a run; returns their paths. */
export async function writeDocuments(result: RunResult, folder: string = DOCS): Promise<string[]> {
  const documents = {
    "EXTENSIONS_BENCHMARK.md": renderMarkdown(result, await readNotes()),
    "choosing-an-engine.md": renderGuide(result),
    "benchmark.html": await renderPage(result),
  };
  await mkdir(folder, { recursive: true });
  const paths: string[] = [];
  for (const [name, text] of Object.entries(documents)) {
    paths.push(join(folder, name));
    await writeFile(paths.at(-1)!, text);
  }
  return paths;
}

async function readNotes(): Promise<Notes> {
  const files = (await readdir(NOTES).catch(() => [])).filter((file) => file.endsWith(".md"));
  const texts = await Promise.all(files.map((file) => readFile(join(NOTES, file), "utf8")));
  return Object.fromEntries(files.map((file, index) => [file.slice(0, -".md".length), texts[index]!]));
}
