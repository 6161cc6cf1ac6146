import assert from "node:assert/strict";
import type { LoadOptions, ManifestInput, Runtime } from "extruntime";
import type { Bench } from "../../bench/bench.ts";
import { expectCode, refusal } from "../../expect/expect.ts";
import { hasOwnProcesses, type Subject } from "../../facts/facts.ts";
import type { Group, Test } from "../test.ts";
import { FreshValues } from "./fresh-values.ts";
import { Lines } from "./lines.ts";
import { onceEach, type Speaker, type SpeakerKind, speakerKinds } from "./speakers.ts";
import { kindOf, SHORT, type Turn, turn } from "./turn.ts";

/** Calls that each module gets one after the other: a hundred and some, for what only the hundredth shows. */
const ROUNDS = 106;
/** Of these, one module after the other where instances live elsewhere. */
const ROUNDS_ALONE = 8;
const WAVES = 5;
/** Calls of each module in a wave, and in the largest. */
const IN_A_WAVE = 4;
const AT_THE_MOST = 12;
/** Milliseconds that a guest which never ends gets. */
const TIMEOUT_MS = 20;
/** Milliseconds in which nothing is said, for what changes when it is idle. */
const REST_MS = 60;
/** Who speaks first after a rest, by its place. */
const FIRST_AFTER_A_REST: readonly number[] = [0, 3];

/** Characters beside the value itself, by the round: above each size that somebody may have thought of. */
const LENGTHS: Readonly<Record<number, number>> = {
  2: SHORT,
  4: 1500,
  13: 3000,
  24: 9000,
  37: 70_000,
  51: 1200,
  58: SHORT,
  63: 140_000,
  78: 1_100_000,
  96: 2500,
};

/** From which length on there are few calls: in a round each way has one. */
const LONG = 65_536;

/** Rounds of a length that is another in each run, and the most that it is. */
const ANY_LENGTH: readonly number[] = [9, 31, 44, 70, 88];
const MOST_LENGTH = 600_000;

export function conversationGroup(_: Subject): Group {
  return { name: "a long conversation", promise: "contract", tests: [conversation] };
}

/**
 * Calls of many modules of one runtime, of which no two are alike: one after the other, at a time, after errors, after timeouts, after modules were closed and
 * loaded again. Every answer, error, line and host call is compared whole with what it must be.
 */
const conversation: Test = {
  name: "calls of many modules, one after the other and at a time, after errors, timeouts, closes and reloads: each gets its own answer, error and lines",
  patience: 3,
  async run(bench) {
    const values = new FreshValues();
    try {
      await new Conversation(bench, values, await bench.runtime()).run();
    } catch (error) {
      if (error instanceof Error)
        error.message += `\n(EXTRUNTIME_CONFORMANCE_SEED=${values.seed} has the same said again)`;
      throw error;
    }
  },
};

class Conversation {
  readonly #bench: Bench;
  readonly #values: FreshValues;
  readonly #runtime: Runtime;
  readonly #speakers: Speaker[] = [];
  readonly #guests = new Set<string>();
  /** Where those print that do not. */
  readonly #silence = new Lines(false);
  readonly #met = new WeakSet<Speaker>();
  readonly #ways = new WeakMap<Speaker, number>();
  /** Of each speaker, how many calls of each kind it made. It begins at any. */
  readonly #made = new WeakMap<Speaker, Map<string, number>>();
  /** Modules do not share processes. There are no more of them than an engine keeps, since each call would else start one. */
  readonly #own: boolean;
  #loads = 0;
  #rounds = 0;

  constructor(bench: Bench, values: FreshValues, runtime: Runtime) {
    this.#bench = bench;
    this.#values = values;
    this.#runtime = runtime;
    this.#own = hasOwnProcesses(bench.subject);
  }

  async run(): Promise<void> {
    const kinds = this.#own ? onceEach(speakerKinds(this.#bench)) : speakerKinds(this.#bench);
    for (const kind of kinds) this.#speakers.push(await this.#load(kind));
    for (let i = 0; i < ROUNDS; i++) await this.#round(LENGTHS[i] ?? (ANY_LENGTH.includes(i) ? this.#anyLength() : 0));
    await this.#checkLines();
    for (let i = 0; i < WAVES; i++)
      await this.#wave(
        i === 1 ? 1200 : i === 3 ? 70_000 : 0,
        i === 2 ? AT_THE_MOST : IN_A_WAVE,
        i === 4 ? this.#loadInVain : undefined,
      );
    await this.#checkLines();
    await this.#timeouts();
    for (let i = 0; i < 3; i++) await this.#round(0);
    await this.#wave(0);
    await this.#reload(kinds);
    for (let i = 0; i < 12; i++) await this.#round(i === 5 ? 1500 : 0);
    await this.#wave(0, IN_A_WAVE, this.#loadInVain);
    for (const first of FIRST_AFTER_A_REST) {
      await new Promise((resolve) => setTimeout(resolve, REST_MS));
      await this.#round(0, first);
    }
    await this.#checkLines();
    await this.#end();
  }

  /** As often short as long. */
  #anyLength(): number {
    return Math.floor(100 * (MOST_LENGTH / 100) ** (this.#values.below(1000) / 1000));
  }

  /** Under a name and a version of its own, by which nobody knows it for one of these. The second of a kind is loaded lazily, and offered functions that it does not ask for; one in two has a logger, though it prints nothing. */
  async #load(kind: SpeakerKind, name = this.#values.name()): Promise<Speaker> {
    const i = this.#loads++;
    const load = async (guest: string, options: LoadOptions, manifest: Partial<ManifestInput> = {}) => {
      const second = this.#guests.has(guest);
      this.#guests.add(guest);
      const pool = this.#own ? (i === 0 ? 2 : 1) : 1 + (i % 3);
      const limits = { maxInstances: pool, ...options.limits };
      const hostFunctions = second ? { "kit.unasked": () => "asked" } : undefined;
      const logger = i % 2 === 1 ? this.#silence.logger : undefined;
      const version = `1.${i}.0`;
      const module = await this.#bench.loadWith(
        guest,
        { ...manifest, name, version },
        { hostFunctions, logger, ...options, limits, lazy: second },
        this.#runtime,
      );
      assert.deepEqual(
        [module.name, module.version, module.runtime],
        [name, version, this.#runtime.name],
        "name, version and runtime of a module",
      );
      return module;
    };
    const speaker = await kind.make(this.#bench, load);
    this.#ways.set(speaker, kind.ways ?? 1);
    return speaker;
  }

  /**
   * A call of each, from the `first` on: one after the other; but where each call waits for another thread or process, most rounds at a time, since a machine
   * that is busy takes its time for each.
   */
  async #round(length: number, first = 0): Promise<void> {
    this.#bench.testify();
    const speakers = [...this.#speakers.slice(first), ...this.#speakers.slice(0, first)];
    if (this.#bench.subject.placement === "inline" || this.#rounds++ < ROUNDS_ALONE) {
      for (const speaker of speakers) await this.#each(speaker, length);
      return;
    }
    await this.#bench.answered(
      Promise.all(speakers.map((speaker) => this.#each(speaker, length))),
      "a call of each module",
      0.3,
    );
  }

  /** A call, or one of each way where there are few as long. */
  async #each(speaker: Speaker, length: number): Promise<void> {
    const count = length > LONG ? this.#ways.get(speaker)! : 1;
    for (let i = 0; i < count; i++) await this.#say(speaker, length, true);
  }

  /** A load that is to fail while others call, and to be told of in its own name. Its files are read before. */
  readonly #loadInVain = async (): Promise<() => Promise<void>> => {
    const name = this.#values.name();
    const absent = `absent${this.#values.below(1 << 30)}`;
    const source = await this.#bench.guests.files("echo", { name, exports: ["echo", absent] });
    return async () => {
      const load = this.#bench.loadSource(source, undefined, this.#runtime);
      const error = await refusal(
        () => this.#bench.answered(load, "a load", 0.3),
        "ERR_EXT_UNKNOWN_FUNCTION",
        "a load",
      );
      assert.ok(error.message.includes(absent), `the error must name ${absent}: ${error.message}`);
      assert.equal(error.extension, name, "the extension that the error of a load names");
    };
  };

  /** Some calls of each at a time, and what is done beside them. */
  async #wave(length: number, count = IN_A_WAVE, prepare?: () => Promise<() => Promise<void>>): Promise<void> {
    const beside = await prepare?.();
    const before = this.#speakers.map(({ module }) => module.stats().calls);
    const calls: Promise<void>[] = [];
    for (let i = 0; i < count; i++)
      for (const speaker of this.#speakers)
        calls.push(this.#say(speaker, i < this.#ways.get(speaker)! ? length : 0, false));
    // Before anything can fail: what nobody waits for would be an unhandled rejection.
    const settled = Promise.allSettled(calls);
    this.#speakers.forEach(({ module }, i) => {
      const { calls, running, queued } = module.stats();
      assert.equal(calls - before[i]!, count, `calls that ${module.name} counts while they are under way`);
      assert.ok(running + queued <= count, `${module.name} has ${count} calls, and counts ${running} and ${queued}`);
    });
    const failing = beside?.();
    failing?.catch(() => {});
    const outcomes = await this.#bench.answered(settled, `${calls.length} calls at a time`, 0.3);
    await failing;
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
    for (const { module } of this.#speakers) {
      const { running, queued } = module.stats();
      assert.deepEqual(
        [running, queued],
        [0, 0],
        `running and queued calls of ${module.name}, of which all are answered`,
      );
    }
  }

  #say(speaker: Speaker, length: number, alone: boolean): Promise<void> {
    // A synchronous call does not wait for the first instance of a module that was loaded lazily.
    const said = speaker.say(this.#turn(speaker, length, alone && this.#met.has(speaker)));
    this.#met.add(speaker);
    return alone ? this.#bench.answered(said, `a call of ${speaker.module.name}`, 0.2) : said;
  }

  #turn(speaker: Speaker, length: number, alone: boolean): Turn {
    const made = this.#made.get(speaker) ?? new Map<string, number>();
    this.#made.set(speaker, made);
    const kind = kindOf(length, alone);
    const count = made.get(kind) ?? this.#values.below(1 << 20);
    made.set(kind, count + 1);
    return turn(count, this.#values, length, this.#bench.subject, alone, this.#ways.get(speaker));
  }

  async #checkLines(): Promise<void> {
    for (const { lines, module } of this.#speakers) await lines?.check(this.#bench, module.name);
    await this.#silence.check(this.#bench, "a guest that prints nothing");
  }

  /** Calls that never end: of a module that does nothing else, and of those that others are answered by. */
  async #timeouts(): Promise<void> {
    if (this.#bench.subject.capabilities.deadline === false) return;
    const loop = await this.#bench.loadWith(
      "loop",
      { name: this.#values.name() },
      { limits: { maxInstances: 1 } },
      this.#runtime,
    );
    const endless = () => loop.invoke("forever", "1", { timeoutMs: TIMEOUT_MS });
    await refusal(() => this.#bench.answered(endless(), "an endless loop", 0.3), "ERR_EXT_TIMEOUT", "an endless loop");
    await loop.close();
    const stalled = new Set<string>();
    for (const speaker of this.#speakers) {
      if (speaker.stall === undefined || stalled.has(speaker.guest)) continue;
      stalled.add(speaker.guest);
      const asked = this.#turn(speaker, 0, false);
      await this.#bench.answered(
        speaker.stall({ ...asked, options: undefined }, TIMEOUT_MS),
        `a call of ${speaker.module.name} that never ends`,
        0.3,
      );
      // Its instance may be held until the guest has stopped, for which a synchronous call does not wait.
      this.#met.delete(speaker);
    }
  }

  /** Closes one of each kind, and loads another kind under its name: the code, the state and the errors are then that one's. */
  async #reload(kinds: readonly SpeakerKind[]): Promise<void> {
    const count = Math.min(6, this.#speakers.length);
    for (let i = 0; i < count; i++) {
      const closed = this.#speakers[i]!;
      await closed.lines?.check(this.#bench, closed.module.name);
      await this.#bench.answered(closed.module.close(), `close() of ${closed.module.name}`, 0.3);
      this.#speakers[i] = await this.#load(kinds[(i + 1) % count]!, closed.module.name);
    }
  }

  /** One is closed while its own calls and those of others are under way: its own end, the others go on. Where none can wait for ever, there is nothing to abort. */
  async #abortOne(): Promise<void> {
    const at = this.#speakers.findIndex(({ hang, lines }) => hang !== undefined && lines === undefined);
    if (at === -1) return;
    const [aborted] = this.#speakers.splice(at, 1);
    const hanging = Array.from({ length: 3 }, () => aborted!.hang!(this.#values));
    const others = this.#wave(0);
    others.catch(() => {});
    const closed = aborted!.module.close({ abort: true });
    await this.#bench.answered(closed, `close({ abort: true }) of ${aborted!.module.name}`, 0.3);
    for (const outcome of await this.#bench.answered(Promise.allSettled(hanging), "calls that were aborted", 0.3)) {
      assert.equal(outcome.status, "rejected", "a call that never ends has an answer");
      if (outcome.status === "rejected")
        expectCode(outcome.reason, ["ERR_EXT_CLOSED", "ERR_EXT_GUEST"], "a call that close aborted");
    }
    await others;
  }

  async #end(): Promise<void> {
    await this.#abortOne();
    for (const { module } of this.#speakers)
      await this.#bench.answered(module.close(), `close() of ${module.name}`, 0.3);
    // What comes now was not printed.
    await new Promise((resolve) => setImmediate(resolve));
    await this.#checkLines();
  }
}
