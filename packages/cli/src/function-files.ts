import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { HostFunction, HostFunctions } from "extruntime";
import { UsageError } from "./exit-codes.ts";

/**
 * Host functions of `--function name=file.mjs`: what a module exports by the function's name, or else by default.
 *
 * @throws UsageError for a file that cannot be imported, or has no such function.
 */
export async function importFunctions(given: readonly string[]): Promise<HostFunctions> {
  const functions: Record<string, HostFunction> = Object.create(null);
  for (const each of given) {
    const at = each.indexOf("=");
    if (at < 1 || at === each.length - 1)
      throw new UsageError(`--function takes name=file.mjs, such as --function price=./price.mjs, and got ${each}`);
    const name = each.slice(0, at);
    functions[name] = await importFunction(name, each.slice(at + 1));
  }
  return functions;
}

async function importFunction(name: string, file: string): Promise<HostFunction> {
  let module: Record<string, unknown>;
  try {
    module = (await import(pathToFileURL(resolve(file)).href)) as Record<string, unknown>;
  } catch (error) {
    throw new UsageError(`--function ${name}=${file}: it cannot be imported: ${(error as Error).message}`);
  }
  const found = Object.hasOwn(module, name) ? module[name] : module.default;
  if (typeof found === "function") return found as HostFunction;
  throw new UsageError(
    `--function ${name}=${file}: it exports no function ${name}, and none by default; it exports ${Object.keys(module).join(", ") || "nothing"}`,
  );
}
