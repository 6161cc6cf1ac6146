#!/usr/bin/env node
// Publishes what is staged: platform packages first, so that no package is ever there before those that it names; then the rest, each after the
// packages of this workspace that it depends on. A version that is already there is left as it is, so a publication that broke off goes on.
//
//   node scripts/release/publish.mjs [--registry <address>] [--provenance]
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "../workspace.mjs";

const { values: options } = parseArgs({ options: { registry: { type: "string" }, provenance: { type: "boolean" } } });
const registry = options.registry === undefined ? [] : ["--registry", options.registry];

const staged = readdirSync(join(root, "staged"))
  .map((name) => join(root, "staged", name))
  .map((dir) => ({ dir, manifest: JSON.parse(readFileSync(join(dir, "package.json"), "utf8")) }));
for (const { dir, manifest } of inOrder(staged)) {
  const { name, version } = manifest;
  if (isThere(name, version)) {
    console.log(`${name}@${version} is there already`);
    continue;
  }
  const args = [
    "publish",
    "--loglevel",
    "error",
    "--access",
    "public",
    ...registry,
    ...(options.provenance ? ["--provenance"] : []),
  ];
  execFileSync("npm", args, { cwd: dir, stdio: ["ignore", "ignore", "inherit"] });
  console.log(`${name}@${version} published`);
}

/** Each after what it names. */
function inOrder(packages) {
  const byName = new Map(packages.map((each) => [each.manifest.name, each]));
  const ordered = new Set();
  const add = (each) => {
    if (ordered.has(each)) return;
    const { dependencies, optionalDependencies, peerDependencies } = each.manifest;
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }))
      if (byName.has(name)) add(byName.get(name));
    ordered.add(each);
  };
  packages.forEach(add);
  return ordered;
}

function isThere(name, version) {
  try {
    const printed = execFileSync("npm", ["view", `${name}@${version}`, "version", ...registry], { stdio: "pipe" });
    return printed.toString().trim() === version;
  } catch {
    return false;
  }
}
