import assert from "node:assert/strict";
import type { Module } from "extruntime";
import type { Bench } from "../../bench/bench.ts";
import { mustWait } from "../../bench/host-caller.ts";
import { expectCode, failure, show } from "../../expect/expect.ts";
import { HOST_FUNCTION } from "../../sources/kit-guest.ts";
import type { Load, Speaker, SpeakerKind } from "./speakers.ts";
import { ask, askInVain, expectSame, expectWhole, MOST_PRINTED, type Turn } from "./turn.ts";

/** Calls the host with a value of its own, and is given another or an error: each call of the host is made once, by the call that asked for it. */
export const caller: SpeakerKind = {
  guest: "call-host",
  ways: 4,
  make: (bench, load) => Caller.make(bench, load),
};

class Caller implements Speaker {
  readonly guest = "call-host";
  module!: Module;
  readonly #bench: Bench;
  /** By what the guest is asked: what it is to be answered. */
  readonly #answers = new Map<string, () => unknown>();
  #fault: unknown;

  private constructor(bench: Bench) {
    this.#bench = bench;
  }

  static async make(bench: Bench, load: Load): Promise<Caller> {
    const speaker = new Caller(bench);
    const hostFunctions = { [HOST_FUNCTION]: (value: unknown) => speaker.#answer(value) };
    speaker.module = await load("call-host", { hostFunctions }, { permissions: [HOST_FUNCTION] });
    return speaker;
  }

  async say(turn: Turn): Promise<void> {
    const { values } = turn;
    const payload = values.json(turn.length);
    const asked: Turn = turn.method === "invokeSync" ? { ...turn, method: "call" } : turn;
    const message = values.text(Math.min(turn.length, MOST_PRINTED));
    const name = `Name${values.below(1 << 30)}`;
    if (turn.way === 0) await this.#fails(payload, name, message, asked);
    else if (turn.way === 1) await this.#catches(payload, name, message, asked);
    else await this.#isAnswered(turn.way === 2 ? "call" : "caught", payload, values.json(turn.length), asked);
    if (this.#fault !== undefined) throw this.#fault;
    assert.ok(!this.#answers.has(keyOf(payload)), `${this.module.name} was to call the host, and did not`);
  }

  /** A call whose host function never answers. */
  async stall(turn: Turn, timeoutMs: number): Promise<void> {
    if (!mustWait(this.#bench.subject)) return;
    const payload = turn.values.json();
    this.#answers.set(keyOf(payload), () => new Promise(() => {}));
    const error = await failure(
      () => this.module.invoke("call", payload, { timeoutMs }),
      "a call whose host function never answers",
    );
    // On a busy machine its guest may come to ask when the time is up.
    expectCode(error, ["ERR_EXT_TIMEOUT", "ERR_EXT_GUEST"], "a call whose host function never answers");
  }

  async #isAnswered(fn: string, payload: string, wanted: string, turn: Turn): Promise<void> {
    this.#answers.set(keyOf(payload), () => JSON.parse(wanted) as unknown);
    expectSame(
      await ask(this.module, fn, payload, turn),
      wanted,
      `the host's answer in ${this.module.name}`,
      this.#bench.subject,
    );
  }

  async #catches(payload: string, name: string, message: string, turn: Turn): Promise<void> {
    this.#throws(payload, name, message);
    const text = await ask(this.module, "caught", payload, turn);
    expectSame(
      text,
      JSON.stringify([name, message]),
      `what ${this.module.name} caught of the host`,
      this.#bench.subject,
    );
  }

  /** What a guest does not catch of the host is its own error; its form is the language's. */
  async #fails(payload: string, name: string, message: string, turn: Turn): Promise<void> {
    this.#throws(payload, name, message);
    const error = await askInVain(this.module, "call", payload, turn);
    expectWhole(error, this.module, "call");
    const { language, traits } = this.#bench.subject;
    if (!traits.stacks) return;
    assert.ok(
      error.guest!.message.includes(message),
      `the message of the host's error must be ${show(message)}, and is ${show(error.guest!.message)}`,
    );
    if (language === "javascript")
      assert.deepEqual(
        [error.guest!.name, error.guest!.message],
        [name, message],
        "name and message of the host's error",
      );
  }

  #throws(payload: string, name: string, message: string): void {
    this.#answers.set(keyOf(payload), () => {
      throw Object.assign(new Error(message), { name });
    });
  }

  #answer(value: unknown): unknown {
    const key = JSON.stringify(value);
    const given = this.#answers.get(key);
    if (given !== undefined) {
      this.#answers.delete(key);
      return given();
    }
    const problem = `${this.module.name} called the host with ${show(value)}, with which nobody called it, or once more`;
    this.#fault ??= new assert.AssertionError({ message: problem });
    throw this.#fault;
  }
}

const keyOf = (payload: string) => JSON.stringify(JSON.parse(payload));
