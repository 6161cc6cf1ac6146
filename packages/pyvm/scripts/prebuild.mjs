#!/usr/bin/env node
// Makes the platform package of the machine that it runs on: prebuilds/pyvm-<platform>, which holds the built addon and
// nothing to run at installation. It is published first; the main package then names it, pinned, in its optional
// dependencies, which `--main` writes: prebuilds/pyvm, ready to be packed.
//
//   node scripts/prebuild.mjs [--main]
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { platformName } from "../dist/addon.js";

const PLATFORMS = ["linux-x64", "linux-arm64", "linux-x64-musl", "darwin-arm64", "darwin-x64"];

const { values: options } = parseArgs({ options: { main: { type: "boolean" } } });
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const main = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const license = join(root, "..", "..", "LICENSE");
const shared = { version: main.version, keywords: main.keywords, license: main.license, engines: main.engines };

process.stdout.write(`${platformPackage()}\n`);
if (options.main) process.stdout.write(`${mainPackage()}\n`);

function platformPackage() {
  const platform = platformName();
  const [os, cpu, libc] = platform.split("-");
  const folder = fresh(`pyvm-${platform}`);
  execFileSync(process.execPath, [join(root, "scripts", "build-addon.mjs"), "--out", join(folder, "pyvm.node")], {
    stdio: "inherit",
  });
  if (os === "linux") execFileSync("strip", ["--strip-unneeded", join(folder, "pyvm.node")]);
  writeJson(folder, {
    name: `@extruntime/pyvm-${platform}`,
    ...shared,
    description: `The addon of @extruntime/pyvm for ${platform}.`,
    os: [os],
    cpu: [cpu],
    ...(os === "linux" ? { libc: [libc ?? "glibc"] } : {}),
    exports: { ".": "./pyvm.node", "./package.json": "./package.json" },
    files: ["pyvm.node", "README.md"],
  });
  writeFileSync(
    join(folder, "README.md"),
    `The addon of @extruntime/pyvm for ${platform}, which installs it where it is needed.\n`,
  );
  copyFileSync(license, join(folder, "LICENSE"));
  return folder;
}

function mainPackage() {
  const folder = fresh("pyvm");
  for (const each of main.files) cpSync(join(root, each), join(folder, each), { recursive: true });
  copyFileSync(license, join(folder, "LICENSE"));
  const optional = Object.fromEntries(PLATFORMS.map((platform) => [`@extruntime/pyvm-${platform}`, main.version]));
  const { devDependencies: _development, ...published } = main;
  // Only this script runs where it is installed, and only when it is asked to.
  const scripts = { "build:addon": main.scripts["build:addon"] };
  // One version for all packages.
  const dependencies = { ...main.dependencies, extruntime: `^${main.version}` };
  writeJson(folder, { ...published, scripts, dependencies, optionalDependencies: optional });
  return folder;
}

function fresh(name) {
  const folder = join(root, "prebuilds", name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

function writeJson(folder, content) {
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(content, null, 2)}\n`);
}
