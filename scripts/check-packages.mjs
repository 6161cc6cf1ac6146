// Checks what users would get: packs every public package, lints the tarballs (publint, arethetypeswrong), installs them
// into an empty project, and runs the example of each package's README there.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pnpm, root, StepFailed, say, script, step } from "./workspace.mjs";

await script(async () => {
  const folder = await mkdtemp(join(tmpdir(), "extruntime-packed-"));
  try {
    const packages = await publicPackages();
    for (const pkg of packages) await pack(pkg, folder);
    for (const pkg of packages) await lint(pkg);
    const project = join(folder, "project");
    await installAll(packages, project);
    for (const pkg of packages) await runExample(pkg, project);
  } finally {
    await rm(folder, { recursive: true });
  }
});

async function publicPackages() {
  const packages = [];
  for (const name of await readdir(join(root, "packages"))) {
    const dir = join(root, "packages", name);
    const manifest = JSON.parse(await readFile(join(dir, "package.json"), "utf8").catch(() => '{ "private": true }'));
    if (manifest.private === true) continue;
    for (const key of ["description", "keywords", "license", "engines", "exports", "files"])
      if (manifest[key] === undefined) throw new StepFailed(`${manifest.name}: its package.json has no ${key}`);
    packages.push({ name: manifest.name, dir, manifest });
  }
  return packages;
}

async function pack(pkg, folder) {
  const before = new Set(await readdir(folder));
  await pnpm(`Packing ${pkg.name}`, ["pack", "--pack-destination", folder], { cwd: pkg.dir });
  const tarball = (await readdir(folder)).find((file) => file.endsWith(".tgz") && !before.has(file));
  if (tarball === undefined) throw new StepFailed(`${pkg.name}: pnpm pack left no tarball`);
  pkg.tarball = join(folder, tarball);
}

async function lint({ name, tarball }) {
  const bin = (tool) => join(root, "node_modules", ".bin", tool);
  await step(`publint ${name}`, bin("publint"), ["run", tarball, "--strict"]);
  await step(`attw ${name}`, bin("attw"), [tarball, "--profile", "esm-only"]);
}

/** The tarballs, and what else the READMEs say to install for their examples. */
async function installAll(packages, project) {
  const tarballs = Object.fromEntries(packages.map(({ name, tarball }) => [name, `file:${tarball}`]));
  await mkdir(project);
  const further = {};
  for (const { dir } of packages) {
    const line = /^ {4}npm install (.*)$/m.exec(await readme(dir))?.[1] ?? "";
    for (const name of line.split(" ")) if (name !== "" && tarballs[name] === undefined) further[name] = "*";
  }
  const dependencies = { ...tarballs, ...further };
  const manifest = { name: "fresh", private: true, type: "module", dependencies, overrides: tarballs };
  await writeFile(join(project, "package.json"), JSON.stringify(manifest, null, 2));
  await step("Installing the tarballs into an empty project", "npm", ["install", "--no-audit", "--no-fund"], {
    cwd: project,
  });
}

function readme(dir) {
  return readFile(join(dir, "README.md"), "utf8").catch(() => "");
}

/** The first `js` block of a README, and what the first `text` block after it says that it prints. */
async function runExample({ name, dir }, project) {
  const match = /^```js\n(.*?)^```$(?:(?:(?!^```).)*?^```text\n(.*?)^```$)?/ms.exec(await readme(dir));
  if (match === null) throw new StepFailed(`${name}: its README has no example in a \`\`\`js block`);
  const [, code, expected] = match;
  if (expected === undefined)
    throw new StepFailed(`${name}: its README does not show in a \`\`\`text block what the example prints`);
  const file = join(project, "example.mjs");
  await writeFile(file, code);
  const printed = await step(`Running the README's example of ${name}`, "node", [file], { cwd: project });
  if (printed.trim() !== expected.trim())
    throw new StepFailed(`${name}: its README says that the example prints\n${expected}\nand it prints\n${printed}`);
  say(`  prints what it says`);
}
