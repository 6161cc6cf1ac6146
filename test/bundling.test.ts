import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Format } from "esbuild";
import { afterAll, beforeAll, expect, it } from "vitest";
import webpack from "webpack";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const ANSWERS = "inline true 6\nthread true 6\nprocess true 6\n";
let project: string;

// The packages lie beside the program's source, as an installation leaves them, and the extensions in another folder.
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "extruntime-bundling-"));
  await mkdir(join(project, "node_modules/@extruntime"), { recursive: true });
  await symlink(here("../packages/extruntime"), join(project, "node_modules/extruntime"));
  await symlink(here("../packages/quickjs"), join(project, "node_modules/@extruntime/quickjs"));
  await cp(here("bundling/host.mjs"), join(project, "host.mjs"));
  await cp(here("../scripts/release/registry-project/extensions"), join(project, "extensions"), { recursive: true });
});
afterAll(() => rm(project, { recursive: true }));

async function run(file: string): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, [file, join(project, "extensions")], { cwd: "/", timeout: 100_000 }, (_, stdout) =>
      resolve(stdout),
    );
  });
}

async function esbuild(format: Format, external: string[]): Promise<string> {
  const outfile = join(
    project,
    `dist-${format}`,
    external.length > 0 ? "external" : "whole",
    format === "esm" ? "app.mjs" : "app.cjs",
  );
  const entryPoints = [join(project, "host.mjs")];
  await build({ entryPoints, outfile, bundle: true, platform: "node", format, external, logLevel: "silent" });
  return outfile;
}

it.each<Format>(["esm", "cjs"])(
  "esbuild, %s: with the packages external a bundle answers at every placement",
  async (format) => {
    expect(await run(await esbuild(format, ["extruntime", "@extruntime/*"]))).toBe(ANSWERS);
  },
);

it("esbuild, esm: a bundle with the packages inside says what to mark as external", async () => {
  const printed = await run(await esbuild("esm", []));
  expect(printed).toMatch(
    /^ERR_EXT_UNSUPPORTED .*quickjs\.wasm is missing.*--external:extruntime --external:@extruntime\/\*.*docs\/bundling\.md/,
  );
});

it("esbuild, cjs: the same, before anything runs", async () => {
  const file = await esbuild("cjs", []);
  const error = await new Promise<string>((resolve) =>
    execFile(process.execPath, [file], (_, __, stderr) => resolve(stderr)),
  );
  expect(error).toMatch(/this program is a CommonJS bundle.*--external:extruntime/);
});

it("webpack: with the packages external a bundle answers at every placement", async () => {
  // As docs/bundling.md has it.
  const externals = [
    ({ request = "" }: { request?: string }, done: (error?: Error | null, external?: string) => void) =>
      /^(extruntime|@extruntime\/[^/]+)(\/|$)/.test(request) ? done(null, `module ${request}`) : done(),
  ];
  const compiler = webpack({
    mode: "production",
    target: "node20",
    entry: join(project, "host.mjs"),
    experiments: { outputModule: true },
    output: { path: join(project, "dist-webpack"), filename: "app.mjs", module: true },
    externals,
  });
  await new Promise<void>((resolve, reject) =>
    compiler?.run((error, stats) => {
      if (error !== null || stats?.hasErrors()) reject(error ?? new Error(stats?.toString()));
      else compiler.close(() => resolve());
    }),
  );
  expect(await run(join(project, "dist-webpack/app.mjs"))).toBe(ANSWERS);
});

it("a bundle discovers the engines beside it, from wherever it is started", async () => {
  const main = join(project, "discovered.mjs");
  await writeFile(
    main,
    'import { discoverRuntimes } from "extruntime";\ndiscoverRuntimes().then(({ runtimes }) => console.log(runtimes.map(({ name }) => name).join()));\n',
  );
  const outfile = join(project, "dist-discovered/app.mjs");
  await build({ entryPoints: [main], outfile, bundle: true, platform: "node", format: "esm", packages: "external" });
  // Found from the bundle's own place, since it is started from the root of the file system.
  expect((await run(outfile)).trim().split(",")).toEqual(expect.arrayContaining(["native", "quickjs"]));
});
