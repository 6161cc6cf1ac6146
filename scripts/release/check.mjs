#!/usr/bin/env node
// What stands in the way of a release: says everything that is missing, and ends with 1 where something is.
//
//   node scripts/release/check.mjs [--platforms]     with --platforms, every platform's package must be staged, as it is before publishing
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { root } from "../workspace.mjs";
import { publicPackages } from "./packages.mjs";
import { repositoryUrl } from "./repository.mjs";

const faults = [];
if (repositoryUrl === null)
  faults.push("repository.json: url is null. Set it to the repository's address, such as https://host/owner/name.");
const pending = readdirSync(join(root, ".changeset")).filter((file) => file.endsWith(".md"));
if (pending.length > 0) faults.push(`${pending.length} changesets are pending. Run: node scripts/release/version.mjs`);

const packages = publicPackages();
const versions = new Set(packages.map(({ manifest }) => manifest.version));
if (versions.size > 1) faults.push(`The packages have several versions: ${[...versions].join(", ")}`);
for (const { dir, manifest } of packages) {
  if (manifest.version === "0.0.0") faults.push(`${manifest.name}: its version is 0.0.0`);
  const changelog = join(dir, "CHANGELOG.md");
  if (!existsSync(changelog) || !readFileSync(changelog, "utf8").includes(`## ${manifest.version}`))
    faults.push(`${manifest.name}: its CHANGELOG.md has no section for ${manifest.version}`);
  if (process.argv.includes("--platforms"))
    for (const platform of manifest.addon?.platforms ?? []) staged(`${manifest.addon.name}-${platform}`, manifest);
}

for (const fault of faults) console.log(fault);
console.log(faults.length === 0 ? "Ready for a release." : `${faults.length} faults: not ready for a release.`);
process.exitCode = faults.length === 0 ? 0 : 1;

/** A platform's package is there, of this version, with every file that it names. */
function staged(name, { version }) {
  const folder = join(root, "staged", basename(name));
  if (!existsSync(join(folder, "package.json"))) return faults.push(`${name}: it is not staged`);
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  if (manifest.version !== version) faults.push(`${name}: it is staged as ${manifest.version}, not ${version}`);
  for (const file of manifest.files)
    if (!existsSync(join(folder, file))) faults.push(`${name}: ${file} is not in its folder`);
}
