import type { HostFunction, HostFunctionContext } from "./host-functions.ts";

/**
 * A schema of any library that follows Standard Schema (https://standardschema.dev), version 1: Zod, Valibot, ArkType and others. The part of `@standard-schema/spec` that is used here.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Issues that a guest is told of. */
const MOST_ISSUES = 20;

/**
 * A host function that gets what a guest sends only where a schema allows it, in the schema's own form. Otherwise the guest gets an error with the name `ValidationError`, the code
 * `ERR_EXT_HOST_INPUT` and, as `data`, `issues` with `path` and `message`.
 */
export function checkedFunction<Output, Out, Context = unknown>(
  schema: StandardSchema<unknown, Output>,
  fn: (value: Output, context: HostFunctionContext<Context>) => Out | Promise<Out>,
): HostFunction<unknown, Out, Context> {
  const take = (result: SchemaResult<Output>, context: HostFunctionContext<Context>) => {
    if (result.issues !== undefined) throw refusal(result.issues, context.name);
    return fn(result.value, context);
  };
  return (value, context) => {
    const result = schema["~standard"].validate(value);
    return result instanceof Promise ? result.then((later) => take(later, context)) : take(result, context);
  };
}

function refusal(issues: readonly SchemaIssue[], name: string): Error {
  const told = issues.slice(0, MOST_ISSUES).map(({ message, path = [] }) => ({
    message,
    path: path.map((part) => String(typeof part === "object" ? part.key : part)).join("."),
  }));
  const all = told.map(({ message, path }) => (path === "" ? message : `${path}: ${message}`)).join("; ");
  const error = new Error(`the host function ${name} does not take this value: ${all}`);
  return Object.assign(error, { name: "ValidationError", code: "ERR_EXT_HOST_INPUT", data: { issues: told } });
}
