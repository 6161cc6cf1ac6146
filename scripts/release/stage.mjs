#!/usr/bin/env node
// Stages packages as they are published, in the folder `staged`: each public package with the workspace's links resolved, the licence, and the
// pages that its README names; and for a package with an addon, as `addon` in its package.json says, the package of the platform that this runs
// on, which holds the built addon, programs beside it, and nothing to run at installation. Prints the folders, those of platforms first, since
// they are published first.
//
//   node scripts/release/stage.mjs [package name …]
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { platformName } from "../../packages/extruntime/dist/engine.js";
import { root } from "../workspace.mjs";
import { publicPackages } from "./packages.mjs";
import { linked } from "./readme-links.mjs";
import { repositoryFields } from "./repository.mjs";

const license = join(root, "LICENSE");
const wanted = process.argv.slice(2);
const packages = publicPackages().filter(({ manifest }) => wanted.length === 0 || wanted.includes(manifest.name));
for (const name of wanted)
  if (!packages.some(({ manifest }) => manifest.name === name)) throw new Error(`There is no public package ${name}`);

const folders = [
  ...packages.filter(({ manifest }) => manifest.addon?.platforms.includes(platformName())).map(platformPackage),
  ...packages.map(mainPackage),
];
process.stdout.write(`${folders.join("\n")}\n`);

function platformPackage({ dir, manifest }) {
  const { file, programs = [], name } = manifest.addon;
  const platform = platformName();
  const [os, cpu, libc] = platform.split("-");
  const folder = fresh(`${basename(name)}-${platform}`);
  execFileSync(process.execPath, [join(dir, "scripts", "build-addon.mjs"), "--out", join(folder, file)], {
    stdio: "inherit",
  });
  const built = [file, ...programs];
  if (os === "linux") execFileSync("strip", ["--strip-unneeded", ...built.map((each) => join(folder, each))]);
  const { version, keywords, license: terms, engines } = manifest;
  const description = `The addon of ${manifest.name} for ${platform}`;
  writeJson(folder, {
    ...{ name: `${name}-${platform}`, version, keywords, license: terms, ...repositoryFields(dir), engines },
    description: `${description}.`,
    ...{ os: [os], cpu: [cpu] },
    ...(os === "linux" ? { libc: [libc ?? "glibc"] } : {}),
    exports: { ".": `./${file}`, "./package.json": "./package.json" },
    files: [...built, "README.md"],
  });
  writeFileSync(join(folder, "README.md"), `${description}, which installs it where it is needed.\n`);
  copyFileSync(license, join(folder, "LICENSE"));
  return folder;
}

function mainPackage({ dir, manifest }) {
  const folder = fresh(basename(manifest.name));
  for (const each of manifest.files) cpSync(join(dir, each), join(folder, each), { recursive: true });
  copyFileSync(license, join(folder, "LICENSE"));
  const changelog = join(dir, "CHANGELOG.md");
  if (existsSync(changelog)) copyFileSync(changelog, join(folder, "CHANGELOG.md"));
  const { text, pages } = linked(readFileSync(join(dir, "README.md"), "utf8"), { dir, version: manifest.version });
  writeFileSync(join(folder, "README.md"), text);
  for (const page of pages) cpSync(join(root, "docs", page), join(folder, "docs", page));
  const { addon, devDependencies: _development, scripts, ...published } = manifest;
  // One version for all packages.
  const ofWorkspace = ([each, range]) => [each, range.startsWith("workspace:") ? `^${manifest.version}` : range];
  const resolved = (dependencies) => Object.fromEntries(Object.entries(dependencies).map(ofWorkspace));
  const platforms = addon?.platforms.map((each) => [`${addon.name}-${each}`, manifest.version]);
  writeJson(folder, {
    ...published,
    ...repositoryFields(dir),
    files: [
      ...manifest.files,
      ...(existsSync(changelog) ? ["CHANGELOG.md"] : []),
      ...(pages.length > 0 ? ["docs"] : []),
    ],
    // Only the script that builds the addon runs where it is installed, and only when it is asked to.
    ...(scripts?.["build:addon"] ? { scripts: { "build:addon": scripts["build:addon"] } } : {}),
    ...(published.dependencies ? { dependencies: resolved(published.dependencies) } : {}),
    ...(published.peerDependencies ? { peerDependencies: resolved(published.peerDependencies) } : {}),
    ...(platforms ? { optionalDependencies: Object.fromEntries(platforms) } : {}),
  });
  return folder;
}

function fresh(folderName) {
  const folder = join(root, "staged", folderName);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

function writeJson(folder, content) {
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(content, null, 2)}\n`);
}
