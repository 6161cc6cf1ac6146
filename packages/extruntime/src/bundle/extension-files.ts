import { createHash } from "node:crypto";
import { relative, sep } from "node:path";
import { ExtensionError } from "../errors.ts";
import { type Extension, realPathOf } from "../manifest/extension.ts";

/** Files that a bundle may look at, those that are not there included, and bytes of them. */
const MOST_LOOKS = 20_000;
const MOST_BYTES = 64 << 20;

/** What a bundle was made from: hashes of files by path, `undefined` for what was looked for and not there. */
export type Looks = ReadonlyMap<string, string | undefined>;

/** The files of an extension, `node_modules` included, as a bundler looks at them: by the extension's own safe reading, each once. */
export class ExtensionFiles {
  readonly #extension: Extension;
  readonly #known = new Map<string, Promise<Buffer | undefined>>();
  readonly #looks = new Map<string, string | undefined>();
  #bytes = 0;
  /** Why a file that is there could not be read: it leads outside the folder, say. */
  refusal: string | undefined;

  constructor(extension: Extension) {
    this.#extension = extension;
  }

  get looks(): Looks {
    return this.#looks;
  }

  /** Its bytes, or `undefined` where there is no such file. */
  read(path: string): Promise<Buffer | undefined> {
    let reading = this.#known.get(path);
    if (reading === undefined) {
      if (this.#known.size >= MOST_LOOKS) throw this.#tooMuch(`looks at more than ${MOST_LOOKS} files`);
      reading = this.#read(path);
      this.#known.set(path, reading);
    }
    return reading;
  }

  async has(path: string): Promise<boolean> {
    return (await this.read(path)) !== undefined;
  }

  async json(path: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    const bytes = await this.read(path);
    if (bytes === undefined) return undefined;
    try {
      const value: unknown = JSON.parse(bytes.toString("utf8"));
      return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
    } catch {
      return undefined;
    }
  }

  /** Where a file really lies: packages find their own dependencies from there, as pnpm lays them out. */
  realPath(path: string): string {
    const { dir, location } = this.#extension;
    return dir === undefined
      ? path
      : relative(dir, realPathOf(path, dir, location))
          .split(sep)
          .join("/");
  }

  /** Whether all that was looked at for a bundle is as it was. */
  async areStill(looks: Looks): Promise<boolean> {
    for (const [path, hash] of looks) {
      await this.read(path);
      if (this.#looks.get(path) !== hash) return false;
    }
    return true;
  }

  async #read(path: string): Promise<Buffer | undefined> {
    this.#looks.set(path, undefined);
    let bytes: Buffer;
    try {
      bytes = Buffer.from(await this.#extension.read(path));
    } catch (error) {
      const { message } = error as Error;
      if (message.includes("leads outside")) this.refusal = message;
      return undefined;
    }
    this.#bytes += bytes.length;
    if (this.#bytes > MOST_BYTES) throw this.#tooMuch(`is made of more than ${MOST_BYTES} bytes`);
    this.#looks.set(path, createHash("sha256").update(bytes).digest("base64"));
    return bytes;
  }

  #tooMuch(what: string): ExtensionError {
    return new ExtensionError("ERR_EXT_BAD_MANIFEST", `${this.#extension.location}: its bundle ${what}`);
  }
}
