// Checks what users would get: packs every public package, lints the tarballs (publint, arethetypeswrong), installs them
// into an empty project, and runs the example of each package's README there.
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { publicPackages } from "./release/packages.mjs";
import { pnpm, root, StepFailed, say, script, step, together } from "./workspace.mjs";

const require = createRequire(join(root, "package.json"));

/** What takes minutes to compile and is compiled in this workspace already: the fresh project gets it from here. */
const BUILT_HERE = ["isolated-vm"];

await script(async () => {
  const folder = await mkdtemp(join(tmpdir(), "extruntime-packed-"));
  try {
    const packages = await stagedPackages();
    await together(packages.map((pkg, i) => pack(pkg, join(folder, String(i)))));
    const project = join(folder, "project");
    await together([...packages.map(lint), installAll(packages, project)]);
    // Of the READMEs, that of pyvm wants a CPython with interpreters of their own.
    const [python] = (
      await step("Making CPython 3.13 available (minutes, the first time)", "bash", ["scripts/get-python.sh"])
    )
      .split("\n")
      .filter((line) => line.startsWith("/"));
    for (const pkg of packages) if (!pkg.binary) await runExample(pkg, project, { PYVM_PYTHON: python });
  } finally {
    await rm(folder, { recursive: true });
  }
});

/** What is published: every public package, and those of this platform. */
async function stagedPackages() {
  for (const { manifest } of publicPackages())
    for (const key of ["description", "keywords", "license", "engines", "exports", "files"])
      if (manifest[key] === undefined) throw new StepFailed(`${manifest.name}: its package.json has no ${key}`);
  const printed = await step("Staging the packages", "node", ["scripts/release/stage.mjs"]);
  const folders = printed.split("\n").filter((line) => line.startsWith(join(root, "staged")));
  return Promise.all(folders.map(async (dir) => ({ ...(await describe(dir)), dir })));
}

async function describe(dir) {
  const manifest = JSON.parse(await readFile(join(dir, "package.json"), "utf8"));
  // A binary for one platform: there is no API to look at, and no example to run.
  return { name: manifest.name, manifest, binary: manifest.os !== undefined };
}

async function pack(pkg, folder) {
  await mkdir(folder);
  await pnpm(`Packing ${pkg.name}`, ["pack", "--pack-destination", folder], { cwd: pkg.dir });
  const tarball = (await readdir(folder)).find((file) => file.endsWith(".tgz"));
  if (tarball === undefined) throw new StepFailed(`${pkg.name}: pnpm pack left no tarball`);
  pkg.tarball = join(folder, tarball);
}

async function lint({ name, tarball, binary }) {
  const bin = (tool) => join(root, "node_modules", ".bin", tool);
  await step(`publint ${name}`, bin("publint"), ["run", tarball, "--strict"]);
  if (!binary) await step(`attw ${name}`, bin("attw"), [tarball, "--profile", "esm-only"]);
}

/** The tarballs, and what else the READMEs say to install for their examples. */
async function installAll(packages, project) {
  const tarballs = Object.fromEntries(packages.map(({ name, tarball }) => [name, `file:${tarball}`]));
  await mkdir(project);
  const further = {};
  for (const { dir } of packages) {
    const line = /^ {4}npm install (.*)$/m.exec(await readme(dir))?.[1] ?? "";
    for (const word of line.split(" ").filter((word) => word !== "" && !word.startsWith("-"))) {
      const [, name, range = "*"] = /^(@?[^@]+)(?:@(.+))?$/.exec(word);
      if (tarballs[name] === undefined && !BUILT_HERE.includes(name)) further[name] = range;
    }
  }
  const dependencies = { ...tarballs, ...further };
  const manifest = { name: "fresh", private: true, type: "module", dependencies, overrides: tarballs };
  await writeFile(join(project, "package.json"), JSON.stringify(manifest, null, 2));
  await step("Installing the tarballs into an empty project", "npm", ["install", "--no-audit", "--no-fund"], {
    cwd: project,
  });
  for (const name of BUILT_HERE) await symlink(builtHere(name), join(project, "node_modules", name), "junction");
}

function builtHere(name) {
  try {
    require(name);
  } catch (error) {
    throw new StepFailed(`${name} does not load (${error.message}): run node scripts/get-isolated-vm.mjs`);
  }
  return dirname(require.resolve(`${name}/package.json`));
}

function readme(dir) {
  return readFile(join(dir, "README.md"), "utf8").catch(() => "");
}

/** The first `js` block of a README, and what the first `text` block after it says that it prints. */
async function runExample({ name, dir }, project, env) {
  const match = /^```js\n(.*?)^```$(?:(?:(?!^```).)*?^```text\n(.*?)^```$)?/ms.exec(await readme(dir));
  if (match === null) throw new StepFailed(`${name}: its README has no example in a \`\`\`js block`);
  const [, code, expected] = match;
  if (expected === undefined)
    throw new StepFailed(`${name}: its README does not show in a \`\`\`text block what the example prints`);
  const before = new Set(await readdir(project));
  const file = join(project, "example.mjs");
  await writeFile(file, code);
  const printed = await step(`Running the README's example of ${name}`, "node", [file], { cwd: project, env });
  // What one example has made is in no other's way.
  for (const made of await readdir(project))
    if (!before.has(made)) await rm(join(project, made), { recursive: true, force: true });
  if (printed.trim() !== expected.trim())
    throw new StepFailed(`${name}: its README says that the example prints\n${expected}\nand it prints\n${printed}`);
  say(`  prints what it says`);
}
