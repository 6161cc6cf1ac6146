/** A JSON Schema of 2020-12: an object of keywords, or `true` or `false`. */
export type JsonSchema = boolean | { readonly [keyword: string]: unknown };

/** A function that a host may call, as its extension tells of it. */
export interface ExportedFunction {
  /** The name to call it by. */
  readonly name: string;
  /** For people, and for agents that choose among functions. */
  readonly description: string | undefined;
  /** What it takes: a payload that does not fit is refused before the guest runs. `undefined` where anything goes. */
  readonly input: JsonSchema | undefined;
  /** What it answers: a result that does not fit is refused. `undefined` where anything goes. */
  readonly output: JsonSchema | undefined;
}
