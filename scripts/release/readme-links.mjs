// A package's README names files of the repository, which a package from a registry does not have.
import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { root } from "../workspace.mjs";
import { repositoryUrl } from "./repository.mjs";

/**
 * The README with its links to files of the repository: those of this version in the repository, where its address is decided. Until then pages
 * of docs/ go into the package, and what else was linked is plain text.
 *
 * @returns `text`, and `pages`: paths in docs/ that belong into the package.
 */
export function linked(readme, { dir, version }) {
  const pages = new Set();
  const text = readme.replace(/\[([^\]]*)\]\((\.\.?\/[^)#\s]+)(#[^)]*)?\)/g, (whole, words, target, anchor = "") => {
    const file = relative(root, resolve(dir, target));
    if (file.startsWith("..") || !existsSync(join(root, file)))
      throw new Error(`${relative(root, dir)}/README.md links ${target}, which is not there`);
    if (!relative(dir, join(root, file)).startsWith("..")) return whole;
    if (repositoryUrl !== null) return `[${words}](${repositoryUrl}/blob/v${version}/${file}${anchor})`;
    if (!file.startsWith("docs/")) return words;
    pages.add(file.slice("docs/".length));
    return `[${words}](./${file}${anchor})`;
  });
  return { text, pages: [...pages] };
}
