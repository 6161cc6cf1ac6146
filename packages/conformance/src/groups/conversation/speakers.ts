import assert from "node:assert/strict";
import type { LoadOptions, ManifestInput, Module } from "extruntime";
import type { Bench } from "../../bench/bench.ts";
import { expectCode, failure, parsed } from "../../expect/expect.ts";
import { caller } from "./caller.ts";
import type { FreshValues } from "./fresh-values.ts";
import { Lines } from "./lines.ts";
import { ask, askInVain, expectGuest, expectSame, MOST_PRINTED, type Turn } from "./turn.ts";

/** A module that takes part in a conversation. It knows what each of its calls must come to. */
export interface Speaker {
  readonly module: Module;
  readonly guest: string;
  /** Makes a call, and looks at all that comes back. */
  say(turn: Turn): Promise<void>;
  /** Where it can: makes a call that never ends, and is stopped after `timeoutMs`. */
  stall?(turn: Turn, timeoutMs: number): Promise<void>;
  /** Where it can: makes a call that never ends by itself. */
  hang?(values: FreshValues): Promise<string>;
  /** What it printed until now has arrived. */
  readonly lines?: Lines;
}

type Say = (module: Module, turn: Turn, bench: Bench) => Promise<void>;

/** A speaker without a memory of its own. */
const plain = (guest: string, say: Say, ways = 1) => ({
  guest,
  ways,
  make: (bench: Bench, load: Load): Promise<Speaker> =>
    load(guest, {}).then((module) => ({ module, guest, say: (turn) => say(module, turn, bench) })),
});

/** Loads a guest for a speaker: under a name of its own, with what the speaker wants beside. */
export type Load = (guest: string, options: LoadOptions, manifest?: Partial<ManifestInput>) => Promise<Module>;

export interface SpeakerKind {
  readonly guest: string;
  /** Kinds of calls that it makes, by `turn.way`; 1 where it is left out. */
  readonly ways?: number;
  make(bench: Bench, load: Load): Promise<Speaker>;
}

const echo = plain("echo", async (module, turn, { subject }) => {
  const payload = turn.values.json(turn.length);
  expectSame(await ask(module, "echo", payload, turn), payload, `the answer of ${module.name}`, subject);
});

/** Rounds of `spin` that take minutes. */
const ENDLESS = "4000000000";

const thrower = plain("throw", async (module, turn, { subject }) => {
  const text = turn.values.text(Math.min(turn.length, MOST_PRINTED));
  const error = await askInVain(module, "fail", told(text, turn), turn);
  expectGuest(error, module, "fail", refused(text), subject);
});

/** A short one is a number, so that the quotes do not make it longer. */
const told = (text: string, { length }: Turn) => (length < 0 ? text : JSON.stringify(text));

const refused = (text: string) => [`refused: ${text}`, `refused: ${JSON.stringify(text)}`];

const nothing = plain("undefined", async (module, turn) => {
  assert.equal(
    await ask(module, "nothing", turn.values.json(turn.length), turn),
    "null",
    `the answer of ${module.name}`,
  );
});

const big = plain("big", async (module, turn) => {
  const length = turn.length < 0 ? 0 : turn.values.below(900) + turn.length;
  assert.equal(
    await ask(module, "big", String(length), turn),
    `"${"x".repeat(length)}"`,
    `the answer of ${module.name}`,
  );
});

const many = plain(
  "many",
  async (module, turn) => {
    const { values, way } = turn;
    const number = turn.length < 0 ? values.below(10) : values.below(1 << 29);
    const words = [values.below(1 << 30).toString(36), values.below(1 << 30).toString(36), "ä€"];
    const [fn, payload, answer] = (
      [
        ["one", "null", "1"],
        ["double", String(number), String(number * 2)],
        ["two", "null", "2"],
        ["join", JSON.stringify(words), JSON.stringify(words.join("-"))],
      ] as const
    )[way]!;
    const text = await ask(module, fn, payload, turn);
    const what = `the answer of ${module.name}.${fn}`;
    assert.equal(fn === "join" ? JSON.stringify(parsed(text, what)) : text, answer, what);
  },
  4,
);

/** Answers later, and throws later. */
const late: SpeakerKind = {
  guest: "async",
  ways: 2,
  async make({ subject }, load) {
    const module = await load("async", {});
    return {
      module,
      guest: "async",
      async say(turn) {
        const { values } = turn;
        const asked: Turn = turn.method === "invokeSync" ? { ...turn, method: "invoke" } : turn;
        if (turn.way === 0) {
          const payload = values.json(Math.min(turn.length, 70_000));
          const text = await ask(module, "later", payload, asked);
          expectSame(text, payload, `the answer of ${module.name}.later`, subject);
        } else {
          const text = values.text(Math.min(turn.length, MOST_PRINTED));
          const error = await askInVain(module, "reject", told(text, turn), asked);
          expectGuest(error, module, "reject", refused(text), subject);
        }
      },
      hang: (values) => module.invoke("never", values.json()),
      async stall(turn, timeoutMs) {
        const error = await failure(
          () => module.invoke("never", turn.values.json(), { timeoutMs }),
          "a call that never ends",
        );
        // Some engines see at once that nothing can settle it any more.
        expectCode(error, ["ERR_EXT_TIMEOUT", "ERR_EXT_GUEST"], "a call that never ends");
      },
    };
  },
};

const counter: SpeakerKind = {
  guest: "counter",
  async make(_, load) {
    const module = await load("counter", { limits: { maxInstances: 1 } });
    /** How far each of its instances has counted. One that is held up is set aside on a busy machine, and another counts from 1. */
    const counts: number[] = [];
    let before: Promise<unknown> = Promise.resolve();
    const check = (answer: number) => {
      const at = counts.indexOf(answer - 1);
      if (at >= 0) counts[at] = answer;
      else {
        assert.equal(
          answer,
          1,
          `${module.name} must count one after the other, in the order of its calls, from ${counts.join(" or ")}`,
        );
        counts.push(1);
        const { instancesCreated } = module.stats();
        assert.ok(
          counts.length <= instancesCreated,
          `${counts.length} instances of ${module.name} count, and ${instancesCreated} were made`,
        );
      }
    };
    return {
      module,
      guest: "counter",
      async say(turn) {
        const answer = ask(module, "next", turn.values.json(turn.length), turn);
        const checked = Promise.all([answer, before]).then(([text]) => check(Number(text)));
        before = checked.catch(() => {});
        await checked;
      },
    };
  },
};

const printer = (pool: number): SpeakerKind => ({
  guest: "print",
  async make(bench, load) {
    const lines = new Lines(pool === 1);
    const module = await load("print", { limits: { maxInstances: pool }, logger: lines.logger });
    return {
      module,
      guest: "print",
      lines,
      async say(turn) {
        const text = turn.values.line(Math.min(turn.length, MOST_PRINTED));
        lines.expect(bench.subject.traits.values ? [text] : [text, JSON.stringify(text)]);
        assert.equal(await ask(module, "print", JSON.stringify(text), turn), "null", `the answer of ${module.name}`);
      },
    };
  },
});

/** Computes: the same number gives the same, whatever happened in between. */
const spinner: SpeakerKind = {
  guest: "spin",
  async make(_, load) {
    const module = await load("spin", {});
    const before = new Map<number, string>();
    return {
      module,
      guest: "spin",
      async say(turn) {
        const rounds = 1 + turn.values.below(6);
        const text = await ask(module, "spin", String(rounds), turn);
        assert.equal(text, before.get(rounds) ?? text, `the answer of ${module.name} for ${rounds}`);
        before.set(rounds, text);
      },
      async stall(turn, timeoutMs) {
        const error = await failure(
          () => module.invoke("spin", ENDLESS, { ...turn.options, timeoutMs }),
          "a long computation",
        );
        expectCode(error, "ERR_EXT_TIMEOUT", "a long computation");
      },
    };
  },
};

/** Two of each, so that what belongs to one can be seen in the other. */
export function speakerKinds(bench: Bench): SpeakerKind[] {
  const { subject } = bench;
  const kinds = [
    echo,
    thrower,
    printer(1),
    many,
    counter,
    echo,
    nothing,
    big,
    printer(2),
    thrower,
    counter,
    many,
    printer(1),
  ];
  if (subject.traits.awaits) kinds.push(late, late);
  if (subject.capabilities.deadline !== false) kinds.push(spinner);
  if (subject.capabilities.hostFunctions) kinds.push(caller, caller);
  return kinds.filter(({ guest }) => bench.has(guest));
}

/** One speaker of each guest, and two of those that have something of their own to mix up. */
export function onceEach(kinds: readonly SpeakerKind[]): SpeakerKind[] {
  const twice = new Set(["echo", "counter", "call-host"]);
  return kinds.filter(({ guest }, i) => {
    const before = kinds.slice(0, i).filter((kind) => kind.guest === guest).length;
    return before < (twice.has(guest) ? 2 : 1);
  });
}
