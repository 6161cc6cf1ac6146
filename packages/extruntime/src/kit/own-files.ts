import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { ExtensionError } from "../errors.ts";

/**
 * What a module needs of its own package besides code that it imports: the files that workers start with, WebAssembly, addons. A bundler takes the code
 * away from them.
 */
export class OwnFiles {
  /** As the module's own `require`. */
  readonly require: NodeJS.Require;
  readonly #module: string;

  /**
   * @param module the module's `import.meta.url`, which a bundle in CommonJS does not have.
   * @throws ExtensionError `ERR_EXT_UNSUPPORTED` there.
   */
  constructor(module: string | undefined) {
    if (module === undefined) throw bundled("this program is a CommonJS bundle");
    this.#module = module;
    this.require = createRequire(module);
  }

  /** Path of a file, by its path from the module; it need not be there. */
  path(relative: string): string {
    return fileURLToPath(new URL(relative, this.#module));
  }

  /**
   * The same of a file that must be there.
   *
   * @throws ExtensionError `ERR_EXT_UNSUPPORTED`
   */
  required(relative: string): string {
    const path = this.path(relative);
    if (!existsSync(path)) throw bundled(`${path} is missing`);
    return path;
  }
}

function bundled(what: string): ExtensionError {
  return new ExtensionError(
    "ERR_EXT_UNSUPPORTED",
    `extruntime has lost the files that belong to it: ${what}. If a bundler made this program, mark extruntime and the packages of @extruntime/ as external ` +
      "(esbuild: --external:extruntime --external:@extruntime/*; docs/bundling.md has others); else install them again",
  );
}
