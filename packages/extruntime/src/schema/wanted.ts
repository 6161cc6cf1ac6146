import type { ErrorObject } from "ajv/dist/2020.js";

/** Characters of a pointer, of a name and of a value that a message shows. */
const MOST_POINTER = 200;
const MOST_SHOWN = 80;
const MOST_NAMES = 10;

type Keywords = Readonly<Record<string, unknown>>;

/** What is wrong with a value: where, by a JSON Pointer, what was wanted there, and what is there. */
export function whatIsWrong(error: ErrorObject): string {
  const { instancePath } = error;
  const pointer = instancePath.length > MOST_POINTER ? `${instancePath.slice(0, MOST_POINTER)}…` : instancePath;
  const place = pointer === "" ? '"" (the value as a whole)' : JSON.stringify(pointer);
  return `at ${place} it ${whatWasWanted(error)}`;
}

/** The same without the place. */
export function whatWasWanted(error: ErrorObject): string {
  return `${wanted(error)}, and is ${shown(error.data)}`;
}

function wanted({ keyword, params, schema, parentSchema, message }: ErrorObject): string {
  switch (keyword) {
    case "type":
      return `must be ${aTypeOf(schema)}`;
    case "required":
    case "dependentRequired":
      return `must have the member ${shown(params.missingProperty)}`;
    case "additionalProperties":
      return `must not have the member ${shown(params.additionalProperty)}${known(parentSchema)}`;
    case "unevaluatedProperties":
      return `must not have the member ${shown(params.unevaluatedProperty)}`;
    case "enum":
      return `must be ${alternatives((schema as unknown[]).map(shown))}`;
    case "const":
      return `must be ${shown(schema)}`;
    case "anyOf":
    case "oneOf":
      return oneOfMany(keyword, params, schema as unknown[]);
    case "not":
      return 'must not fit the schema of its "not"';
    case "uniqueItems":
      return "must not have two equal items";
    case "propertyNames":
      return `must not have a member of the name ${shown(params.propertyName)}`;
    case "false schema":
      return "must not be there";
    default:
      return message ?? `must fit its ${shown(keyword)}`;
  }
}

function oneOfMany(keyword: string, params: Keywords, schemas: readonly unknown[]): string {
  const passing = params.passingSchemas;
  if (Array.isArray(passing))
    return `must fit one schema of its ${keyword} alone, and fits numbers ${passing.join(" and ")} of them`;
  const told = schemas.map(inShort);
  if (told.includes(undefined)) return `must fit one of the ${schemas.length} schemas of its ${keyword}`;
  return `must be ${alternatives(told as string[])}`;
}

/** A schema in a few words, where there are some. */
function inShort(schema: unknown): string | undefined {
  if (typeof schema !== "object" || schema === null) return undefined;
  const { type, const: only } = schema as Keywords;
  if (only !== undefined) return shown(only);
  return type === undefined ? undefined : aTypeOf(type);
}

function aTypeOf(type: unknown): string {
  const types = (Array.isArray(type) ? type : [type]) as string[];
  return alternatives(types.map((each) => (each === "null" ? each : `${/^[aio]/.test(each) ? "an" : "a"} ${each}`)));
}

function known(parent: Keywords | undefined): string {
  const names = Object.keys((parent?.properties ?? {}) as object);
  return names.length === 0 ? "" : ` (known are ${listed(names.map(shown)).join(", ")})`;
}

function alternatives(texts: readonly string[]): string {
  const all = listed(texts);
  return all.length < 2 ? all.join() : `${all.slice(0, -1).join(", ")} or ${all.at(-1)}`;
}

function listed(texts: readonly string[]): string[] {
  if (texts.length <= MOST_NAMES) return [...texts];
  return [...texts.slice(0, MOST_NAMES), `${texts.length - MOST_NAMES} more`];
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "an empty array" : `an array of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  const text = typeof value === "string" ? JSON.stringify(value.slice(0, MOST_SHOWN + 1)) : String(value);
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN - 1)}…` : text;
}
