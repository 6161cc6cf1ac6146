import { isUtf8 } from "node:buffer";
import type { Bounds } from "../contract/bounds.ts";
import type { ExportedFunction, JsonSchema } from "../contract/exported-function.ts";
import { ExtensionError } from "../errors.ts";
import { duplicateName } from "../manifest/duplicate-name.ts";
import { type Extension, MANIFEST_FILE } from "../manifest/extension.ts";
import { badManifest, type ManifestFunction } from "../manifest/manifest.ts";
import { deepFreeze, shapeProblem } from "../manifest/shape.ts";
import type { Validator } from "../schema/validator.ts";
import { parseResult } from "./result.ts";

/** Of all schemas of an extension: characters of their texts, and schemas, those within others included. What one may have is in `schema/schema-tree.ts`. */
const MOST_CHARS = 1 << 20;
const MOST_SCHEMAS = 2000;

type Side = "input" | "output";

/** What the functions of a module take and answer, and the checks of it. */
export class ModuleSchemas {
  /** In the order of the manifest. Frozen. */
  readonly functions: readonly ExportedFunction[];
  readonly #input = new Map<string, Validator>();
  readonly #output = new Map<string, Validator>();
  #chars = 0;
  #count = 0;

  private constructor(functions: readonly ExportedFunction[]) {
    this.functions = functions;
  }

  /**
   * Reads the schemas of an extension and compiles them; `undefined` where it has none.
   *
   * @throws ExtensionError `ERR_EXT_BAD_MANIFEST` for a schema that is none, with its place; `ERR_EXT_UNSUPPORTED` where this process may not compile any.
   */
  static async of(extension: Extension): Promise<ModuleSchemas | undefined> {
    const { functions } = extension.manifest;
    if (!functions.some(hasSchema)) return undefined;
    const read: ExportedFunction[] = [];
    const reader = new SchemaReader(extension);
    const schemas = new ModuleSchemas(read);
    for (const [index, fn] of functions.entries()) read.push(Object.freeze(await schemas.#read(reader, fn, index)));
    Object.freeze(read);
    return schemas;
  }

  /** @throws ExtensionError `ERR_EXT_BAD_PAYLOAD` */
  checkInput(fn: string, payload: string): void {
    const validator = this.#input.get(fn);
    if (validator === undefined) return;
    let value: unknown;
    try {
      value = JSON.parse(payload);
    } catch (error) {
      throw new ExtensionError("ERR_EXT_BAD_PAYLOAD", `the payload is not JSON: ${(error as Error).message}`, {
        cause: error,
      });
    }
    const problem = validator.check(value, payload.length, Number.POSITIVE_INFINITY);
    if (problem !== undefined)
      throw new ExtensionError("ERR_EXT_BAD_PAYLOAD", `the payload does not fit the schema of its input: ${problem}`);
  }

  /** @throws ExtensionError `ERR_EXT_BAD_RESULT`; `ERR_EXT_TIMEOUT` past the deadline. */
  checkOutput(fn: string, result: string, bounds: Bounds, deadline: number): void {
    const validator = this.#output.get(fn);
    if (validator === undefined) return;
    const problem = validator.check(parseResult(result, bounds), result.length, deadline);
    if (problem !== undefined)
      throw new ExtensionError("ERR_EXT_BAD_RESULT", `the result does not fit the schema of its output: ${problem}`);
  }

  async #read(reader: SchemaReader, fn: ManifestFunction, index: number): Promise<ExportedFunction> {
    const side = async (which: Side): Promise<JsonSchema | undefined> => {
      const given = fn[which];
      if (given === undefined) return undefined;
      const place = `exports.${index}.${which}`;
      const schema = typeof given === "string" ? await reader.read(given, place) : given;
      this.#chars += JSON.stringify(schema).length;
      if (this.#chars > MOST_CHARS)
        throw badManifest(reader.location, `its schemas have more than ${MOST_CHARS} characters together`);
      const where = typeof given === "string" ? `${given}#` : `${MANIFEST_FILE}#/exports/${index}/${which}`;
      const validator = await reader.compile(schema, where);
      this.#count += validator.schemas;
      if (this.#count > MOST_SCHEMAS)
        throw badManifest(reader.location, `its functions have more than ${MOST_SCHEMAS} schemas together`);
      (which === "input" ? this.#input : this.#output).set(fn.name, validator);
      return schema;
    };
    return { name: fn.name, description: fn.description, input: await side("input"), output: await side("output") };
  }
}

function hasSchema({ input, output }: ManifestFunction): boolean {
  return input !== undefined || output !== undefined;
}

/** Reads the files of schemas, each once, and compiles schemas. */
class SchemaReader {
  readonly location: string;
  readonly #extension: Extension;
  readonly #files = new Map<string, JsonSchema>();

  constructor(extension: Extension) {
    this.#extension = extension;
    this.location = extension.location;
  }

  async read(path: string, place: string): Promise<JsonSchema> {
    const known = this.#files.get(path);
    if (known !== undefined) return known;
    const bytes = Buffer.from(await this.#extension.read(path));
    const bad = (problem: string, cause?: unknown) =>
      badManifest(this.location, `"${place}" names ${path}, which ${problem}`, cause);
    if (bytes.length > MOST_CHARS) throw bad(`has ${bytes.length} bytes, and a schema may have ${MOST_CHARS}`);
    if (!isUtf8(bytes)) throw bad("is not UTF-8 text");
    const text = bytes.toString("utf8").replace(/^\uFEFF/, "");
    let schema: unknown;
    try {
      schema = JSON.parse(text);
    } catch (error) {
      throw bad(`is not JSON: ${(error as Error).message}`, error);
    }
    const twice = duplicateName(text);
    if (twice !== undefined) throw bad(`has the name ${JSON.stringify(twice.slice(0, 80))} twice in one object`);
    const shape = shapeProblem(schema);
    if (shape !== undefined) throw bad(shape);
    if (typeof schema !== "boolean" && (typeof schema !== "object" || schema === null || Array.isArray(schema)))
      throw bad("is no JSON Schema: it must be an object, true or false");
    if (typeof schema === "object") deepFreeze(schema);
    this.#files.set(path, schema as JsonSchema);
    return schema as JsonSchema;
  }

  async compile(schema: JsonSchema, where: string): Promise<Validator> {
    const { validatorOf } = await import("../schema/validator.ts");
    try {
      return validatorOf(schema);
    } catch (error) {
      if (error instanceof EvalError)
        throw new ExtensionError(
          "ERR_EXT_UNSUPPORTED",
          "it has schemas for what it takes or answers, and this process may not compile code from strings, as their checks are: start Node without --disallow-code-generation-from-strings, or leave the schemas out",
          { cause: error },
        );
      const { pointer = "", message } = error as { pointer?: string; message: string };
      throw badManifest(this.location, `the schema at ${where}${pointer} ${message}`, error);
    }
  }
}
