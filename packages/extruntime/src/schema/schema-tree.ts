import type { JsonSchema } from "../contract/exported-function.ts";
import { linearPattern } from "./linear-pattern.ts";

/**
 * A schema as strangers may write it, read to its end before anything is compiled: which of its values are schemas, where its references lead,
 * and what is in it that cannot be checked in bounded time. What comes out is a copy with the known keywords alone, each of its schemas with the
 * {@link WORK} that it counts; a compiler's own additions to the language (`$async`, `nullable`) mean nothing in it.
 */

/** Keyword of a copy: what a check pays each time that it enters this schema. No schema of an extension can have it. */
export const WORK = "extruntime:work";

export interface Work {
  /** What the schema's own keywords cost whatever the value is. */
  readonly own: number;
  /** The value's own size counts too: characters of a string, members of an object. */
  readonly sized: boolean;
}

const DIALECT = /^https:\/\/json-schema\.org\/draft\/2020-12\/schema#?$/;

/** Keywords that hold a schema, a list of some, or some by name. */
const ONE = ["not", "if", "then", "else", "items", "contains", "additionalProperties", "propertyNames"];
const ONE_OF_THE_REST = ["unevaluatedItems", "unevaluatedProperties"];
const LISTS = ["allOf", "anyOf", "oneOf", "prefixItems"];
const MAPS = ["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"];
const HOLDS: ReadonlyMap<string, "schema" | "list" | "map"> = new Map([
  ...[...ONE, ...ONE_OF_THE_REST].map((keyword) => [keyword, "schema"] as const),
  ...LISTS.map((keyword) => [keyword, "list"] as const),
  ...MAPS.map((keyword) => [keyword, "map"] as const),
]);
/** Keywords whose schemas see the very value that the schema around them sees. */
const IN_PLACE = new Set(["not", "if", "then", "else", "allOf", "anyOf", "oneOf", "dependentSchemas"]);
/** Keywords without schemas that check something. All others only tell something, and are left out of the copy. */
const CHECKS = new Set([
  ...["type", "enum", "const", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"],
  ...["maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "maxContains", "minContains"],
  ...["maxProperties", "minProperties", "required", "dependentRequired"],
  ...["$ref", "$anchor", "$dynamicRef", "$dynamicAnchor"],
]);
const SIZED = ["minLength", "maxLength", "minProperties", "maxProperties"];
const REFERENCES = ["$ref", "$dynamicRef"] as const;

/** Schemas in one, itself included: each takes half a millisecond to be compiled. */
const MOST_SCHEMAS = 1000;
/** Regular expressions of one schema, and characters of each. */
const MOST_PATTERNS = 200;
const MOST_PATTERN_CHARS = 1000;

/** What is wrong with a schema, at a JSON Pointer into it. */
export class SchemaProblem extends Error {
  readonly pointer: string;

  constructor(pointer: string, problem: string) {
    super(problem);
    this.pointer = pointer;
  }
}

type Keywords = Readonly<Record<string, unknown>>;

export class SchemaTree {
  readonly copy: JsonSchema;
  /** Pointers of the schemas that are read in the place of each, by its pointer. */
  readonly #inPlace = new Map<string, string[]>();
  readonly #anchors = new Map<string, string>();
  readonly #references: { readonly from: string; readonly keyword: string; readonly target: string }[] = [];
  #patterns = 0;

  /**
   * @param schema one that the meta-schema allows.
   * @throws SchemaProblem
   */
  constructor(schema: JsonSchema) {
    this.copy = this.#read(schema, "");
    for (const reference of this.#references) {
      const target = this.#leadsTo(reference.target);
      if (target === undefined)
        throw new SchemaProblem(
          `${reference.from}/${reference.keyword}`,
          `leads to no schema in this file: ${shown(reference.target)}; what it names must be at a keyword that takes schemas, such as $defs`,
        );
      this.#inPlace.get(reference.from)!.push(target);
    }
    this.#refuseLoops();
  }

  /** How many schemas it is made of. */
  get size(): number {
    return this.#inPlace.size;
  }

  #read(schema: JsonSchema, at: string): JsonSchema {
    const places: string[] = [];
    this.#inPlace.set(at, places);
    if (this.#inPlace.size > MOST_SCHEMAS)
      throw new SchemaProblem(at, `is one of more than ${MOST_SCHEMAS} schemas in one`);
    if (typeof schema === "boolean") return schema;
    this.#checkPlace(schema, at);
    const entries: [string, unknown][] = [];
    let own = 1;
    for (const [keyword, value] of Object.entries(schema)) {
      const pointer = `${at}/${escaped(keyword)}`;
      if (HOLDS.has(keyword)) {
        entries.push([keyword, this.#readHeld(keyword, value, pointer, IN_PLACE.has(keyword) ? places : [])]);
        own += sizeOf(value);
      } else if (CHECKS.has(keyword)) {
        entries.push([keyword, value]);
        own += sizeOf(value);
      }
    }
    const work: Work = { own, sized: SIZED.some((keyword) => Object.hasOwn(schema, keyword)) };
    return Object.fromEntries([...entries, [WORK, work]]);
  }

  #readHeld(keyword: string, value: unknown, pointer: string, places: string[]): unknown {
    const each = (schema: unknown, at: string) => {
      places.push(at);
      return this.#read(schema as JsonSchema, at);
    };
    if (HOLDS.get(keyword) === "schema") return each(value, pointer);
    if (HOLDS.get(keyword) === "list")
      return (value as unknown[]).map((schema, index) => each(schema, `${pointer}/${index}`));
    const members = Object.entries(value as Keywords).map(([name, schema]) => {
      const at = `${pointer}/${escaped(name)}`;
      // Ajv leaves it unchecked.
      if (name === "__proto__") throw new SchemaProblem(at, "is no name that can be checked");
      if (keyword === "patternProperties") this.#checkPattern(name, at);
      return [name, each(schema, at)] as const;
    });
    return Object.fromEntries(members);
  }

  #checkPlace(schema: Keywords, at: string): void {
    const { $id, $schema, pattern } = schema;
    if ($id !== undefined && at !== "")
      throw new SchemaProblem(
        `${at}/$id`,
        "is not supported inside a schema: name it in $defs, and refer to it with #/$defs/…",
      );
    if ($schema !== undefined && !DIALECT.test(String($schema)))
      throw new SchemaProblem(
        `${at}/$schema`,
        `must be https://json-schema.org/draft/2020-12/schema, the one dialect that is understood, and is ${shown($schema)}`,
      );
    for (const keyword of ["$anchor", "$dynamicAnchor"])
      if (typeof schema[keyword] === "string") this.#anchors.set(schema[keyword], at);
    for (const keyword of REFERENCES) this.#noteReference(schema[keyword], keyword, at);
    if (pattern !== undefined) this.#checkPattern(String(pattern), `${at}/pattern`);
  }

  #noteReference(target: unknown, keyword: string, from: string): void {
    if (typeof target !== "string") return;
    if (!target.startsWith("#"))
      throw new SchemaProblem(
        `${from}/${keyword}`,
        `must stay in its own schema, as #/$defs/name does, and is ${shown(target)}: nothing is fetched, and no other file is read`,
      );
    this.#references.push({ from, keyword, target });
  }

  #leadsTo(target: string): string | undefined {
    let fragment: string;
    try {
      fragment = decodeURIComponent(target.slice(1));
    } catch {
      return undefined;
    }
    return this.#inPlace.has(fragment) ? fragment : this.#anchors.get(fragment);
  }

  #checkPattern(pattern: string, pointer: string): void {
    if (++this.#patterns > MOST_PATTERNS)
      throw new SchemaProblem(pointer, `is one of more than ${MOST_PATTERNS} regular expressions in this schema`);
    if (pattern.length > MOST_PATTERN_CHARS)
      throw new SchemaProblem(
        pointer,
        `is a regular expression of ${pattern.length} characters, and one may have ${MOST_PATTERN_CHARS}`,
      );
    try {
      linearPattern(pattern);
    } catch (error) {
      throw new SchemaProblem(
        pointer,
        `is no regular expression that can be matched in linear time, as RE2's are (without lookaround and references to groups): ${(error as Error).message}`,
      );
    }
  }

  /** A schema that comes back to itself at the same value would be followed without an end. */
  #refuseLoops(): void {
    const done = new Set<string>();
    for (const start of this.#inPlace.keys()) {
      const path: { readonly at: string; next: number }[] = [{ at: start, next: 0 }];
      const onPath = new Set([start]);
      for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
        const target = done.has(top.at) ? undefined : this.#inPlace.get(top.at)![top.next++];
        if (target === undefined) {
          done.add(top.at);
          onPath.delete(top.at);
          path.pop();
        } else if (onPath.has(target)) {
          throw new SchemaProblem(
            top.at,
            `leads back to ${target === "" ? "itself" : target} at the same value: a check of it would never end`,
          );
        } else {
          onPath.add(target);
          path.push({ at: target, next: 0 });
        }
      }
    }
  }
}

function sizeOf(value: unknown): number {
  return typeof value === "object" && value !== null ? Object.keys(value).length : 1;
}

function escaped(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
