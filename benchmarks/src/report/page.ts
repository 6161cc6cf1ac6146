import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { BENCHMARKS } from "../paths.ts";
import type { RunResult } from "../result.ts";

/** The page with its style, its script and its figures in one file. */
export async function renderPage(result: RunResult): Promise<string> {
  const [template, style, app] = await Promise.all(
    ["page/template.html", "page/style.css", "dist/page/app.js"].map((file) =>
      readFile(join(BENCHMARKS, file), "utf8"),
    ),
  );
  return template!
    .replace("/*STYLE*/", () => style!)
    .replace("/*RESULT*/", () => scriptSafe(JSON.stringify(result)))
    .replace("/*APP*/", () => app!.replaceAll("</script", "<\\/script"));
}

/** Text inside a script element ends at the first `</script`, whatever it is part of. */
function scriptSafe(json: string): string {
  return json.replaceAll("<", "\\u003c");
}
