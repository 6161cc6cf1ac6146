#!/usr/bin/env node
// Stages a package that has an addon, as `addon` in its package.json says: prebuilds/<name>-<platform>, the package of the platform that it runs
// on, which holds the built addon, programs beside it, and nothing to run at installation; and prebuilds/<package>, the package itself, which
// names those of all platforms, pinned, in its optional dependencies. Those of the platforms are published first.
//
//   cd packages/<package> && node ../../scripts/prebuild.mjs
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { platformName } from "../packages/extruntime/dist/engine.js";
import { root as workspace } from "./workspace.mjs";

const root = process.cwd();
const main = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const { file, programs = [], name, platforms } = main.addon;
const license = join(workspace, "LICENSE");

if (platforms.includes(platformName())) process.stdout.write(`${platformPackage()}\n`);
process.stdout.write(`${mainPackage()}\n`);

function platformPackage() {
  const platform = platformName();
  const [os, cpu, libc] = platform.split("-");
  const folder = fresh(`${basename(name)}-${platform}`);
  execFileSync(process.execPath, [join(root, "scripts", "build-addon.mjs"), "--out", join(folder, file)], {
    stdio: "inherit",
  });
  const built = [file, ...programs];
  if (os === "linux") execFileSync("strip", ["--strip-unneeded", ...built.map((each) => join(folder, each))]);
  const { version, keywords, license: terms, engines } = main;
  const description = `The addon of ${main.name} for ${platform}`;
  writeJson(folder, {
    ...{ name: `${name}-${platform}`, version, keywords, license: terms, engines },
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

function mainPackage() {
  const folder = fresh(basename(main.name));
  for (const each of main.files) cpSync(join(root, each), join(folder, each), { recursive: true });
  copyFileSync(license, join(folder, "LICENSE"));
  const { addon: _addon, devDependencies: _development, ...published } = main;
  // Only the script that builds the addon runs where it is installed, and only when it is asked to.
  const scripts = { "build:addon": main.scripts["build:addon"] };
  // One version for all packages.
  const ofWorkspace = ([each, range]) => [each, range.startsWith("workspace:") ? `^${main.version}` : range];
  const dependencies = Object.fromEntries(Object.entries(main.dependencies).map(ofWorkspace));
  const optionalDependencies = Object.fromEntries(platforms.map((each) => [`${name}-${each}`, main.version]));
  writeJson(folder, { ...published, scripts, dependencies, optionalDependencies });
  return folder;
}

function fresh(folderName) {
  const folder = join(root, "prebuilds", folderName);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

function writeJson(folder, content) {
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(content, null, 2)}\n`);
}
