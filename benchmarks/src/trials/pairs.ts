import type { SubjectSpec } from "../subjects/subject.ts";

/**
 * The floors that are measured in the very process of a subject, in turns with it: what a ratio of two processes would
 * lose in noise. A floor that cannot be had is left out.
 */
export interface Pairs {
  /** On the calling thread: floors by name, with the subject's variant where it matters. */
  readonly sync: readonly Pair[];
  /** One call at a time, awaited. */
  readonly async: readonly Pair[];
  /** Many at once. */
  readonly concurrent: readonly Pair[];
}

export interface Pair {
  /** Of the metric: `syncX:<id>`. */
  readonly id: string;
  readonly kind: "floor" | "peer" | "inside-python" | "async-work";
  readonly floor: string;
  readonly argument?: string | undefined;
}

const floor = (id: string, argument?: string): Pair => ({ id, kind: "floor", floor: id, argument });
const BARE = floor("bare-js");
/** A loop in the guest's interpreter, with a library for JSON. */
const inside = (id: string, library: string): Pair => ({
  id: `inside-${id}`,
  kind: "inside-python",
  floor: "inside-python",
  argument: library,
});

export function pairsOf(spec: SubjectSpec): Pairs {
  if (spec.kind !== "engine") return { sync: spec.id === "bare-js" ? [] : [BARE], async: [], concurrent: [] };
  const byEngine = spec.engine === undefined ? undefined : ENGINES[spec.engine]?.(spec);
  const byPlacement = PLACEMENTS[spec.placement];
  return {
    sync: [BARE, ...(byEngine?.sync ?? []), ...(byPlacement?.sync ?? [])],
    async: [...(byEngine?.async ?? []), ...(byPlacement?.async ?? [])],
    concurrent: [...(byEngine?.concurrent ?? []), ...(byPlacement?.concurrent ?? [])],
  };
}

/** isolated-vm at its best, as a user would write it without an engine. */
const BY_HAND: readonly Pair[] = [{ id: "isolated-vm", kind: "peer", floor: "isolated-vm" }];

const ENGINES: Readonly<Record<string, (spec: SubjectSpec) => Partial<Pairs>>> = {
  quickjs: () => ({ sync: [floor("quickjs-dispatcher"), floor("quickjs-ffi"), floor("quickjs-eval")] }),
  wasm: ({ source }) => {
    const variant = source.from === "engine" ? source.fixture.slice("validate-email/".length) : "wasm-c";
    // A command has no function to call by hand; Go's runtime wants to be started by its own kind of host.
    const byHand = !/command|^wasm-go$/.test(variant);
    return { sync: byHand ? [floor("wasm-by-hand", variant)] : [] };
  },
  pyvm: () => ({
    sync: [inside("python", "json"), inside("orjson", "orjson"), inside("msgspec", "msgspec")],
    async: [{ id: "async-work", kind: "async-work", floor: "async-work" }],
    concurrent: [floor("python-pipe"), floor("python-pipe-batched")],
  }),
  v8: ({ placement }) => (placement === "inline" ? { sync: BY_HAND, async: BY_HAND, concurrent: BY_HAND } : {}),
};

const PLACEMENTS: Readonly<Record<SubjectSpec["placement"], Partial<Pairs>>> = {
  inline: {},
  thread: { sync: [floor("thread-atomics")], async: [floor("thread-message")], concurrent: [floor("thread-batched")] },
  process: { async: [floor("node-pipe")], concurrent: [floor("node-pipe"), floor("node-pipe-batched")] },
};
