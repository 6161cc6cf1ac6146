import { createHash } from "node:crypto";
import { _, Ajv2020, type KeywordCxt, type Options, type ValidateFunction } from "ajv/dist/2020.js";
import type { JsonSchema } from "../contract/exported-function.ts";
import { beginWork, CheckTooLong, spend, spendOn } from "./check-work.ts";
import { linearPattern } from "./linear-pattern.ts";
import { SchemaProblem, SchemaTree, WORK, type Work } from "./schema-tree.ts";
import { areUnique } from "./unique-items.ts";
import { whatIsWrong, whatWasWanted } from "./wanted.ts";

/** Imported only where an extension has schemas: with ajv it takes some 30 ms and 5 MiB. */

export interface Validator {
  /** How many schemas it is made of. */
  readonly schemas: number;
  /**
   * What is wrong with a value, or `undefined`.
   *
   * @param textLength characters of its JSON text: what a check may take grows with them.
   * @param deadline on the clock of `performance.now()`.
   * @throws ExtensionError `ERR_EXT_TIMEOUT` past the deadline.
   */
  check(value: unknown, textLength: number, deadline: number): string | undefined;
}

/** Validators by the content of their schemas, the ones used last at the end. */
const validators = new Map<string, Validator>();
const MOST_KEPT = 256;

/** Takes what is not JSON Schema for an annotation, as the specification wants it, and looks up nothing by itself. */
const OPTIONS: Options = {
  ...{ strict: false, logger: false, validateFormats: false, verbose: true },
  ...{ ownProperties: true, inlineRefs: false },
  code: {
    optimize: false,
    regExp: Object.assign((pattern: string) => new CountedPattern(pattern), { code: "linearPattern" }),
  },
};

const META_SCHEMA = "https://json-schema.org/draft/2020-12/schema";
let metaSchema: Ajv2020 | undefined;

/**
 * The check by a schema, compiled once for each content.
 *
 * @throws SchemaProblem for one that is none, or that cannot be checked in bounded time; EvalError where the process allows no code from strings.
 */
export function validatorOf(schema: JsonSchema): Validator {
  const key = createHash("sha256").update(JSON.stringify(schema)).digest("base64");
  const kept = validators.get(key);
  validators.delete(key);
  const validator = kept ?? newValidator(schema);
  validators.set(key, validator);
  if (validators.size > MOST_KEPT) validators.delete(validators.keys().next().value!);
  return validator;
}

function newValidator(schema: JsonSchema): Validator {
  metaSchema ??= new Ajv2020({ strict: false, logger: false, validateFormats: false, verbose: true });
  if (metaSchema.validate(META_SCHEMA, schema) !== true) {
    const [error] = metaSchema.errors ?? [];
    throw new SchemaProblem(
      error?.instancePath ?? "",
      error === undefined ? "is no JSON Schema" : whatWasWanted(error),
    );
  }
  const { copy, size } = new SchemaTree(schema);
  return new CompiledSchema(compiled(copy), size);
}

class CompiledSchema implements Validator {
  readonly schemas: number;
  readonly #check: ValidateFunction;

  constructor(check: ValidateFunction, schemas: number) {
    this.#check = check;
    this.schemas = schemas;
  }

  check(value: unknown, textLength: number, deadline: number): string | undefined {
    const check = this.#check;
    beginWork(textLength, deadline);
    try {
      return check(value) ? undefined : whatIsWrong(check.errors![0]!);
    } catch (error) {
      if (error instanceof CheckTooLong) return error.message;
      if (error instanceof RangeError) return "it is nested too deeply to be checked by its schema";
      throw error;
    } finally {
      // They hold the value.
      check.errors = null;
    }
  }
}

function compiled(schema: JsonSchema): ValidateFunction {
  const ajv = new Ajv2020({ ...OPTIONS, meta: false, validateSchema: false });
  ajv.removeKeyword("uniqueItems");
  ajv.addKeyword({
    keyword: "uniqueItems",
    type: "array",
    schemaType: "boolean",
    validate: (wanted: boolean, items: readonly unknown[]) => !wanted || areUnique(items),
  });
  ajv.addKeyword({ keyword: WORK, schemaType: "object", before: "$ref", code: countWork });
  for (const keyword of ["anyOf", "oneOf", "contains"]) forgetFailures(ajv, keyword);
  try {
    return ajv.compile(schema);
  } catch (error) {
    if (error instanceof RangeError) throw new SchemaProblem("", "is too deep a chain of schemas to be compiled");
    if (error instanceof EvalError) throw error;
    throw new SchemaProblem("", `cannot be compiled: ${(error as Error).message}`);
  }
}

function countWork({ gen, data, schema }: KeywordCxt): void {
  const { own, sized } = schema as Work;
  const count = gen.scopeValue("func", { ref: sized ? spendOn : spend });
  gen.code(sized ? _`${count}(${data}, ${own})` : _`${count}(${own})`);
}

/** Ajv keeps the errors of all alternatives, and of all items that `contains` looks at: for a long list of them that is gigabytes. */
function forgetFailures(ajv: Ajv2020, keyword: string): void {
  const definition = ajv.getKeyword(keyword) as { code(context: KeywordCxt): void };
  const { code } = definition;
  definition.code = (context) => {
    const subschema = context.subschema.bind(context);
    context.subschema = (...args) => {
      const inner = subschema(...args);
      context.reset();
      return inner;
    };
    code(context);
  };
}

/** What ajv calls where it would have made a RegExp of V8's. */
class CountedPattern {
  readonly #source: string;
  readonly #pattern: ReturnType<typeof linearPattern>;

  constructor(source: string) {
    this.#source = source;
    this.#pattern = linearPattern(source);
  }

  test(text: string): boolean {
    spend(1 + text.length);
    return this.#pattern.test(text);
  }

  /** By which ajv tells it from others. */
  toString(): string {
    return this.#source;
  }
}
