import type { Extension } from "extruntime";
import type { Place } from "./load-problems.ts";
import type { Problem } from "./problem.ts";

/** A file that is larger is no source that anybody wrote. */
const MOST_BYTES = 1 << 20;

/** Permissions that no file of the extension names. What asks for more than it uses is trusted with more than it needs. */
export async function unusedPermissions(extension: Extension, { json, file }: Place): Promise<Problem[]> {
  const { permissions, module } = extension.manifest;
  if (permissions.length === 0 || module === undefined) return [];
  const sources = await sourcesOf(extension, module);
  return permissions.flatMap((name, index) =>
    sources.some((source) => source.includes(name))
      ? []
      : [
          {
            severity: "warning" as const,
            code: "unused-permission",
            message: `it asks for the host function ${JSON.stringify(name)}, and none of its files names it`,
            file,
            ...json.rangeOf(["permissions", index]),
          },
        ],
  );
}

async function sourcesOf(extension: Extension, module: string): Promise<string[]> {
  const ending = module.slice(module.lastIndexOf("."));
  const sources: string[] = [];
  for (const path of await extension.list()) {
    if (path !== module && !path.endsWith(ending)) continue;
    const bytes = Buffer.from(await extension.read(path));
    // A compiled module has its imports' names in it, as bytes.
    if (path === module || bytes.length <= MOST_BYTES) sources.push(bytes.toString("utf8"));
  }
  return sources;
}
