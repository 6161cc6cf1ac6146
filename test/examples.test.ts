import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";

/** Every example of the documentation that runs strangers' code, with a stranger that never ends: its caller gets a timeout, and the process ends. */

const root = fileURLToPath(new URL("..", import.meta.url));
const shim = pathToFileURL(join(root, "test/examples/hostile-shim.mjs")).href;
const asc = pathToFileURL(join(root, "fixtures/node_modules/assemblyscript/dist/asc.js")).href;

interface Example {
  readonly where: string;
  readonly code: string;
  readonly v8: boolean;
}

const examples = await findExamples();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "extruntime-examples-"));
});
afterAll(() => rm(folder, { recursive: true }));

test("there are examples with each engine for strangers", () => {
  for (const engine of ["quickjs(", "wasm(", "v8(", "discoverRuntimes("])
    expect(examples.filter(({ code }) => code.includes(engine)).length, engine).toBeGreaterThan(0);
});

for (const kind of ["interpreted", "builtin"])
  test.each(examples)(`$where holds against a guest that never ends (${kind})`, async ({ code, where, v8 }) => {
    const file = join(folder, `${where.replace(/\W/g, "-")}-${kind}.mjs`);
    await writeFile(file, runnable(code));
    const child = [join(root, "test/examples/hostile-child.mjs"), file, kind, v8 ? "v8" : ""];
    const { stdout } = await promisify(execFile)(process.execPath, child, { cwd: folder, timeout: 100_000 });
    const outcomes = JSON.parse(/^OUTCOMES (.*)$/m.exec(stdout)?.[1] ?? "[]") as string[];
    expect(outcomes.length).toBeGreaterThan(0);
    expect(outcomes.filter((outcome) => outcome !== "ERR_EXT_TIMEOUT")).toEqual([]);
  });

/** What pages take for granted, and something in its place. */
const LEFT_TO_THE_READER = {
  store: "new Map()",
  database: "{}",
  user: "{}",
  request: "{ user: {} }",
};

/** The imports come from the stand-in, and what a page leaves to its reader is there. */
function runnable(code: string): string {
  const imports = /^import \{[^}]*\} from "(?:extruntime|@extruntime\/[\w-]+)";$/gm;
  const names = new Set<string>();
  const body = code
    .replace(imports, (line) => {
      for (const name of /\{([^}]*)\}/.exec(line)![1]!.split(",")) names.add(name.trim());
      return "";
    })
    .replace('"assemblyscript/asc"', JSON.stringify(asc))
    // A compiler that is called by its path makes what the stand-in replaces.
    .replace(/^execFileSync\(process\.execPath, .*$/m, "");
  for (const name of ["ExtensionHost", "discoverRuntimes", "strangers", "quickjs", "native", "pyvm", "wasm", "v8"])
    if (new RegExp(`\\b${name}\\(`).test(body)) names.add(name);
  const left = Object.entries(LEFT_TO_THE_READER)
    .filter(([name]) => new RegExp(`\\b${name}\\b`).test(body))
    .map(([name, value]) => `const ${name} = ${value};\n`);
  return `import { ${[...names].join(", ")} } from ${JSON.stringify(shim)};\n${left.join("")}${body}`;
}

async function findExamples(): Promise<Example[]> {
  const packages = await readdir(join(root, "packages"));
  const docs = (await readdir(join(root, "docs"))).filter((file) => file.endsWith(".md")).map((file) => `docs/${file}`);
  const pages = ["README.md", ...packages.map((name) => `packages/${name}/README.md`), ...docs];
  const found: Example[] = [];
  for (const page of pages) {
    const text = await readFile(join(root, page), "utf8").catch(() => "");
    const blocks = [...text.matchAll(/^```(?:js|ts|mjs)\n(.*?)^```$/gms)].map(([, code]) => code!);
    // Blocks that are set off by four spaces.
    for (const [block] of text.matchAll(/(?:^(?: {4}.*)?\n)+/gm))
      if (/^ {4}(?:import|const) /m.test(block)) blocks.push(block.replace(/^ {4}/gm, ""));
    const strangers = blocks.filter((code) => /\b(?:quickjs|wasm|v8|discoverRuntimes)\(/.test(code));
    const made = strangers.filter((code) => /new ExtensionHost\(|\.load\(|\bload\(/.test(code));
    made.forEach((code, index) => {
      found.push({ where: `${page}, example ${index + 1}`, code, v8: /\bv8\(/.test(code) });
    });
  }
  return found;
}
