#!/usr/bin/env node
// Consumes the changesets: one version for all packages, and their CHANGELOGs. While the version that the packages have is not released, which a tag
// `v<version>` says, changesets that came later join it: the version is made again from the last released one, and the sections of both become one.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, script, step } from "../workspace.mjs";
import { publicPackages } from "./packages.mjs";

const KINDS = ["Major Changes", "Minor Changes", "Patch Changes"];
const packages = publicPackages();
const { version } = packages[0].manifest;

await script(async () => {
  if (!readdirSync(join(root, ".changeset")).some((file) => file.endsWith(".md"))) return;
  const open = version !== "0.0.0" && !released(version) ? packages.map(reopen) : [];
  await step("Consuming the changesets", "npx", ["-y", "pnpm", "exec", "changeset", "version"]);
  for (const each of open) merge(each);
});

function released(each) {
  const tags = execFileSync("git", ["tag", "--list", `v${each}`, `*@${each}`], { cwd: root, encoding: "utf8" });
  return tags.trim() !== "";
}

/** Takes the version's section out of a CHANGELOG, and gives the package the version before it. Returns the section's lists by their kind. */
function reopen({ dir, manifest }) {
  const file = join(dir, "CHANGELOG.md");
  const text = existsSync(file) ? readFileSync(file, "utf8") : `# ${manifest.name}\n`;
  const [head, ...sections] = text.split(/^(?=## \d)/m);
  const own = sections[0]?.startsWith(`## ${version}\n`) ? sections.shift() : "";
  const before = /^## (\S+)/.exec(sections[0] ?? "")?.[1] ?? "0.0.0";
  if (own !== "") writeFileSync(file, [head, ...sections].join(""));
  setVersion(dir, version, before);
  return { dir, lists: listsOf(own) };
}

/** Puts the lists of a section that was taken out below those of the new one. */
function merge({ dir, lists }) {
  const file = join(dir, "CHANGELOG.md");
  const [head, made, ...others] = readFileSync(file, "utf8").split(/^(?=## \d)/m);
  const fresh = listsOf(made);
  const found = /^## (\S+)/.exec(made)[1];
  // Patches alone must not make the version smaller than it was with what it had.
  const kept = found.localeCompare(version, "en", { numeric: true }) < 0 ? version : found;
  setVersion(dir, found, kept);
  const kinds = KINDS.filter((kind) => lists[kind] || fresh[kind]);
  const section = kinds.map((kind) => `### ${kind}\n\n${[fresh[kind], lists[kind]].filter(Boolean).join("\n")}\n`);
  writeFileSync(
    file,
    [head, `## ${kept}\n\n${section.join("\n")}${others.length > 0 ? "\n" : ""}`, ...others].join(""),
  );
}

function listsOf(section) {
  const parts = section.split(/^### (.+)\n/m).slice(1);
  return Object.fromEntries(
    KINDS.map((kind) => [kind, parts[parts.indexOf(kind) + 1]?.trim()]).filter(([kind]) => parts.includes(kind)),
  );
}

function setVersion(dir, from, to) {
  const file = join(dir, "package.json");
  writeFileSync(file, readFileSync(file, "utf8").replace(`"version": "${from}"`, `"version": "${to}"`));
}
