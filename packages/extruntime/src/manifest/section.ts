import * as v from "valibot";

/**
 * The object that a manifest has for its engine, under a name that the engine chooses. The engine brings what may be in it as data, the
 * properties of a JSON Schema: from it come the check at the load, the messages, and the part of `extension.schema.json`.
 */
export interface ManifestSection {
  /** Key of the manifest; engines of one language may share one. */
  readonly name: string;
  /** Its keys, all optional. `{}` for a section in which nothing can be set. */
  readonly schema: SectionSchema;
}

/** Keys of a manifest's section, with what each takes. */
export type SectionSchema = Readonly<Record<string, SettingSchema>>;

/** One setting: the keywords of JSON Schema that are understood. */
export type SettingSchema = { readonly description?: string } & (
  | { readonly type: "string"; readonly enum?: readonly string[] }
  | { readonly type: "boolean" }
  | { readonly type: "integer"; readonly minimum: number; readonly maximum: number }
  | { readonly type: "array"; readonly items: { readonly type: "string" } }
);

type Setting<S> = S extends { readonly enum: readonly (infer Word)[] }
  ? Word
  : S extends { readonly type: "string" }
    ? string
    : S extends { readonly type: "boolean" }
      ? boolean
      : S extends { readonly type: "integer" }
        ? number
        : string[];

/** What a section of this schema holds. */
export type Settings<S extends SectionSchema> = { [Key in keyof S]?: Setting<S[Key]> | undefined };

/** By their names, of the engines that this process has made runtimes of. */
const known = new Map<string, SectionSchema>();
/** By the names and aliases of these engines. */
const sectionOf = new Map<string, string>();
/** Told when one is added. */
const listeners: (() => void)[] = [];

/** Makes the section of an engine known. Without one there is nothing to set, under the engine's own name. */
export function noteSection(engine: {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly manifestSection?: ManifestSection | undefined;
}): void {
  const { name, schema } = sectionFor(engine);
  for (const each of [engine.name, ...engine.aliases]) sectionOf.set(each, name);
  if (JSON.stringify(known.get(name)) === JSON.stringify(schema)) return;
  known.set(name, schema);
  for (const listener of listeners) listener();
}

export function sectionFor(engine: {
  readonly name: string;
  readonly manifestSection?: ManifestSection | undefined;
}): ManifestSection {
  return engine.manifestSection ?? { name: engine.name, schema: NO_SETTINGS };
}

const NO_SETTINGS: SectionSchema = Object.freeze({});

export function onNewSection(listener: () => void): void {
  listeners.push(listener);
}

export function knownSection(name: string): SectionSchema | undefined {
  return known.get(name);
}

/** Name of the section of a runtime, if that is known. */
export function sectionNameOf(runtime: string): string | undefined {
  return sectionOf.get(runtime);
}

/** An object without other keys. Its own list of them has no prototype, whose names would pass for known ones. */
export function strict<const Entries extends v.ObjectEntries>(entries: Entries) {
  const known = Object.assign(Object.create(null) as object, entries) as Entries;
  return noList(everyUnknownKey(v.strictObject(known, "must be an object")));
}

/** To valibot one unknown key is enough. */
function everyUnknownKey<const Schema extends v.GenericSchema & { readonly entries: object }>(schema: Schema): Schema {
  return {
    ...schema,
    "~run"(dataset: v.UnknownDataset, config: v.Config<v.BaseIssue<unknown>>) {
      const { value } = dataset;
      const result = schema["~run"](dataset, config);
      const first = result.issues?.find(({ expected, path }) => expected === "never" && path?.length === 1)?.path?.[0];
      if (first === undefined || config.abortEarly === true) return result;
      const keys = Object.keys(value as object);
      for (const key of keys.slice(keys.indexOf(String(first.key)) + 1)) {
        if (key in schema.entries) continue;
        const path = [{ ...first, key, value: (value as Record<string, unknown>)[key] }] as [v.IssuePathItem];
        v._addIssue(schema, "key", result as unknown as v.UnknownDataset, config, {
          input: key,
          expected: "never",
          path,
        });
      }
      return result;
    },
  };
}

/** To valibot a list is an object with numbers for keys, and an empty one an object without any. */
export function noList<const Schema extends v.GenericSchema>(schema: Schema): Schema {
  return {
    ...schema,
    "~run"(dataset: v.UnknownDataset, config: v.Config<v.BaseIssue<unknown>>) {
      if (!Array.isArray(dataset.value)) return schema["~run"](dataset, config);
      v._addIssue(this, "type", dataset, config);
      return dataset;
    },
  };
}

/** The check of a section. */
export function sectionDefinition<const S extends SectionSchema>(schema: S): v.GenericSchema<Settings<S>> {
  const entries = Object.fromEntries(Object.entries(schema).map(([key, each]) => [key, v.optional(described(each))]));
  return strict(entries) as unknown as v.GenericSchema<Settings<S>>;
}

function described(setting: SettingSchema): v.GenericSchema {
  const checked = settingDefinition(setting);
  return setting.description === undefined ? checked : v.pipe(checked, v.description(setting.description));
}

function settingDefinition(setting: SettingSchema): v.GenericSchema {
  switch (setting.type) {
    case "boolean":
      return v.boolean("must be true or false");
    case "integer": {
      const { minimum, maximum } = setting;
      const say = `must be a whole number from ${minimum} to ${maximum}`;
      return v.pipe(v.number(say), v.integer(say), v.minValue(minimum, say), v.maxValue(maximum, say));
    }
    case "array":
      return v.array(v.string("must be a string"), "must be a list of strings");
    case "string": {
      if (setting.enum === undefined) return v.string("must be a string");
      const words = setting.enum.map((word) => JSON.stringify(word));
      return v.picklist(setting.enum, `must be ${words.slice(0, -1).join(", ")} or ${words.at(-1)}`);
    }
  }
}
