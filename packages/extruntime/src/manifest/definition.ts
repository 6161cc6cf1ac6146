import * as v from "valibot";
import { KNOWN_ENGINES, SECTION_ENTRIES } from "./known-engines.ts";
import { noList, strict } from "./section.ts";

/**
 * The one definition of a manifest: it validates, it gives the TypeScript type, and `extension.schema.json` is
 * generated from it. What can't be said in a schema (paths that stay inside, files that exist) is in `extension.ts`.
 */

/** From semver.org, "Is there a suggested regular expression". */
const SEMVER =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?$/;
/** An identifier of most languages and tool chains. Two leading underscores belong to the ABIs. */
const FUNCTION_NAME = /^(?!__)[A-Za-z_$][A-Za-z0-9_$]*$/;
const NAME = /^[A-Za-z0-9_-]+$/;

/** The longest delay that Node's timers take: 2^31 - 1 milliseconds, 24.8 days. */
export const MAX_TIMEOUT_MS = 2_147_483_647;

/** Names of the placements, from the least isolated to the most. */
export const PLACEMENTS = ["inline", "thread", "process"] as const;

function whole(min: number, max: number, unit: string) {
  const say = `must be a whole number${unit} from ${min} to ${max}`;
  return v.pipe(v.number(say), v.integer(say), v.minValue(min, say), v.maxValue(max, say));
}

function name(pattern: RegExp, say: string) {
  return v.pipe(v.string(say), v.regex(pattern, say), v.maxLength(128, "must have at most 128 characters"));
}

type Named = string | { readonly name: string };

export function nameOf(item: Named): string {
  return typeof item === "string" ? item : item.name;
}

function unique<Item extends Named>(say: string) {
  /** Of each list, where an item is first: looking for that anew for each would take hours for a long one. */
  const first = new WeakMap<readonly Item[], ReadonlyMap<string, number>>();
  return v.checkItems<Item[], string>((item, index, array) => {
    let places = first.get(array);
    if (places === undefined) {
      places = new Map(array.map((each, at) => [nameOf(each), at] as const).reverse());
      first.set(array, places);
    }
    return places.get(nameOf(item)) === index;
  }, say);
}

/** The longest string that V8 makes, in UTF-16 units: no text of a call is longer. */
const MOST_BYTES = 536_870_888;

function bound(max: number, unit: string, say: string) {
  return v.optional(v.pipe(whole(1, max, unit), v.description(say)));
}

const limits = strict({
  timeoutMs: v.optional(
    v.pipe(
      whole(1, MAX_TIMEOUT_MS, " of milliseconds"),
      v.description("Milliseconds that a call may take, waiting included."),
    ),
  ),
  loadTimeoutMs: v.optional(
    v.pipe(
      whole(1, MAX_TIMEOUT_MS, " of milliseconds"),
      v.description("Milliseconds that the top level of the extension may take, in each instance that is made."),
    ),
  ),
  memoryMb: v.optional(
    v.pipe(whole(1, 65_536, " of mebibytes"), v.description("Mebibytes that one instance may use.")),
  ),
  maxInstances: v.optional(v.pipe(whole(1, 1024, ""), v.description("Instances that the module may have at a time."))),
  maxQueue: v.optional(
    v.pipe(whole(0, 1_000_000, ""), v.description("Calls that may wait for an instance; past it they fail at once.")),
  ),
  fresh: v.optional(
    v.pipe(
      v.picklist(["call"], 'must be "call"'),
      v.description("Every call starts from the state after the top level: it finds nothing of the calls before it."),
    ),
  ),
  payloadBytes: bound(MOST_BYTES, " of bytes", "Bytes of a payload, and of a host function's answer."),
  resultBytes: bound(MOST_BYTES, " of bytes", "Bytes of a result."),
  jsonValues: bound(MOST_BYTES, "", "Values, names of members included, of a text that the host parses."),
  jsonDepth: bound(MOST_BYTES, "", "Levels of nesting of a text that the host parses."),
  errorChars: bound(
    MOST_BYTES,
    " of characters",
    "Characters of an error's message, and of its stack; the rest is cut.",
  ),
  lineChars: bound(MOST_BYTES, " of characters", "Characters of a line of guest output; the rest is cut."),
  logChars: bound(MOST_BYTES, " of characters", "Characters of guest output in one call; the rest is dropped."),
  hostCallBytes: bound(MOST_BYTES, " of bytes", "Bytes of the argument of a host function."),
  waitingCalls: bound(1_000_000, "", "Calls of one host function that may wait for their answers."),
  waitingBytes: bound(
    2 ** 40,
    " of bytes",
    "Memory of the host that calls of host functions may take while they wait.",
  ),
});

/** What is wrong with a limit: "must be …". `undefined` where nothing is. */
export function limitProblem(name: keyof typeof limits.entries, value: unknown): string | undefined {
  return v.safeParse(limits.entries[name], value).issues?.[0].message;
}

/** Limits that had another name in the first edition of the contract, by that name. */
export const RENAMED_LIMITS: Readonly<Record<string, string>> = Object.freeze(
  Object.assign(Object.create(null), { pool: "maxInstances", queue: "maxQueue" }),
);

const FUNCTION_SAY = "must be function names: letters, digits, _ and $, not starting with a digit or with __";

/** What is known of a function besides its name. */
export const exportedFunction = strict({
  name: v.pipe(name(FUNCTION_NAME, FUNCTION_SAY), v.description("The function's name.")),
  description: v.optional(v.pipe(v.string("must be a string"), v.description("What it does, for people and agents."))),
  input: jsonSchema("What it takes"),
  output: jsonSchema("What it answers"),
});

const exported = objectOr(exportedFunction, name(FUNCTION_NAME, FUNCTION_SAY));

/** To valibot's own union a fault in the object is that it is none of the two. */
function objectOr<const Whole extends v.GenericSchema, const Other extends v.GenericSchema>(
  whole: Whole,
  other: Other,
) {
  const union = v.union([other, whole]);
  return {
    ...union,
    "~run"(dataset: v.UnknownDataset, config: v.Config<v.BaseIssue<unknown>>) {
      const isObject = typeof dataset.value === "object" && dataset.value !== null;
      return (isObject ? whole : other)["~run"](dataset, config);
    },
  } as typeof union;
}

function jsonSchema(what: string) {
  return v.optional(
    v.pipe(
      v.union(
        [v.boolean(), v.pipe(v.string(), v.nonEmpty()), noList(v.looseObject({}))],
        "must be a JSON Schema, or the path of a file that has one",
      ),
      v.description(`${what}: a JSON Schema (2020-12), or the relative path of a file of the extension that has one.`),
    ),
  );
}

const RUNTIMES = ["native", ...KNOWN_ENGINES.map((engine) => engine.name)].join(", ");

export const manifestDefinition = strict({
  $schema: v.optional(v.string("must be a string")),
  name: v.pipe(
    name(NAME, "must consist of letters, digits, - and _"),
    v.description("Name of the extension: letters, digits, - and _."),
  ),
  version: v.optional(
    v.pipe(
      v.string("must be a SemVer version such as 1.2.3"),
      v.regex(SEMVER, "must be a SemVer version such as 1.2.3"),
      v.description("SemVer version; 0.0.0 where it is left out."),
    ),
    "0.0.0",
  ),
  description: v.optional(v.pipe(v.string("must be a string"), v.description("What it is for, for people."))),
  config: v.optional(
    v.pipe(
      noList(v.looseObject({}, "must be an object")),
      v.description(
        "Values for its guests, which the host may override: context.config, host.config or extruntime.config.",
      ),
    ),
  ),
  metadata: v.optional(
    v.pipe(
      noList(v.looseObject({}, "must be an object")),
      v.description("Whatever a host may want to know of it. Nothing here reads it."),
    ),
    {},
  ),
  runtime: v.pipe(
    name(NAME, "must be the name of a runtime, such as native"),
    v.description(`Name of the runtime that loads it: ${RUNTIMES}, or another engine's.`),
  ),
  module: v.optional(
    v.pipe(
      v.string("must be a path"),
      v.nonEmpty("must be a path"),
      v.description(
        "Relative path of the code, inside the folder. Left out only for native functions registered in code.",
      ),
    ),
  ),
  exports: v.pipe(
    v.array(exported, "must be a list of function names"),
    v.minLength(1, "must name at least one function"),
    unique<v.InferOutput<typeof exported>>("must not name a function twice"),
    v.description("Functions that a host may call: their names, or what is known of them besides."),
  ),
  permissions: v.optional(
    v.pipe(
      v.array(v.pipe(v.string("must be a string"), v.nonEmpty("must be a name")), "must be a list of names"),
      unique<string>("must not name a host function twice"),
      v.description("Host functions that it wants to call."),
    ),
    [],
  ),
  limits: v.optional(limits, {}),
  placement: v.optional(
    v.pipe(
      v.picklist(PLACEMENTS, 'must be "inline", "thread" or "process"'),
      v.description("Where its instances live."),
    ),
  ),
  ...SECTION_ENTRIES,
});

/** A manifest as it is written in `extension.json`. */
export type ManifestInput = v.InferInput<typeof manifestDefinition>;
