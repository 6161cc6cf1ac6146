// Where the repository lives: repository.json, whose `url` (https, without .git at its end) is null until that is decided.
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { root } from "../workspace.mjs";

const { url } = JSON.parse(readFileSync(join(root, "repository.json"), "utf8"));
if (url !== null && !/^https:\/\/[^/]+\/[^/]+\/[^/]+$/.test(url))
  throw new Error(`repository.json: url is ${JSON.stringify(url)}; it is null, or https://<host>/<owner>/<name>`);

/** The address, or null where it is not decided. */
export const repositoryUrl = url;

/** `repository`, `homepage` and `bugs` of the package in the folder `dir`; none while the address is not decided. */
export function repositoryFields(dir) {
  if (url === null) return {};
  const directory = relative(root, dir);
  return {
    repository: { type: "git", url: `git+${url}.git`, directory },
    homepage: `${url}/tree/main/${directory}#readme`,
    bugs: { url: `${url}/issues` },
  };
}
