import { SourceMap } from "node:module";
import { withStacks } from "../contract/error-details.ts";
import type { ExtensionError } from "../errors.ts";
import { EITHER } from "./bundle-name.ts";

/** Characters of a file's name that a stack shows. */
const MOST_NAME = 300;
/** A place in the bundle, in a sandbox's stack or in one of Node's. */
const PLACE = new RegExp(`(?:file:///?[^\\s()]*/)?${EITHER}(?:\\?extruntime=\\d+)?:(\\d+)(?::(\\d+))?`, "g");
const NAME = new RegExp(EITHER, "g");

/** Shows where in the author's files a guest's stack has been. */
export class BundleMap {
  readonly #module: string;
  readonly #json: string;
  /** Read from the first error on. */
  #map: SourceMap | undefined;

  /**
   * @param module the author's own, which stands for the bundle in messages.
   * @param json the source map.
   */
  constructor(module: string, json: string) {
    this.#module = module;
    this.#json = json;
  }

  /** An error as the author knows its places. */
  applyTo(error: ExtensionError): ExtensionError {
    error.message = this.ofText(error.message);
    if (error.stack !== undefined) error.stack = this.ofText(error.stack);
    if (error.guest !== undefined)
      Object.defineProperty(error, "guest", {
        value: withStacks(error.guest, this.ofText),
        enumerable: true,
        configurable: true,
      });
    return error;
  }

  /** A text, such as a stack, with the author's files, lines and columns. */
  readonly ofText = (text: string): string => {
    if (!text.includes("extruntime-bundle")) return text;
    this.#map ??= new SourceMap(JSON.parse(this.#json));
    const placed = text.replace(
      PLACE,
      (place, line: string, column = "1") => this.#ofPlace(Number(line), Number(column)) ?? place,
    );
    return placed.replace(NAME, this.#module);
  };

  #ofPlace(line: number, column: number): string | undefined {
    const entry = this.#map!.findEntry(line - 1, column - 1);
    if (!("originalSource" in entry) || typeof entry.originalSource !== "string") return undefined;
    return `${entry.originalSource.slice(0, MOST_NAME)}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  }
}
