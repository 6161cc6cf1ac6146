import assert from "node:assert/strict";
import type { LogFields, Logger } from "extruntime";
import type { Bench } from "../../bench/bench.ts";
import { show } from "../../expect/expect.ts";

/** What a guest prints, against what it was told to print. */
export class Lines {
  readonly logger: Logger;
  readonly #ordered: boolean;
  /** Ways in which each line may come, in order. */
  readonly #expected: (readonly string[])[] = [];
  readonly #arrived: { level: string; message: string }[] = [];

  constructor(ordered: boolean) {
    this.#ordered = ordered;
    const at = (level: string) => (message: string, _fields: LogFields) => void this.#arrived.push({ level, message });
    this.logger = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  }

  expect(ways: readonly string[]): void {
    this.#expected.push(ways);
  }

  /** All lines have come, once, whole, in order where one call came after the other, and at the level of output. */
  async check(bench: Bench, name: string): Promise<void> {
    let givenUp = false;
    const all = (async () => {
      while (this.#arrived.length < this.#expected.length && !givenUp)
        await new Promise((resolve) => setImmediate(resolve));
    })();
    await bench.answered(all, `the arrival of ${this.#expected.length} lines of ${name}`, 0.25).finally(() => {
      givenUp = true;
    });
    assert.equal(this.#arrived.length, this.#expected.length, `there are more lines than ${name} printed`);
    if (this.#ordered)
      for (const [i, { message }] of this.#arrived.entries()) expectLine(message, this.#expected[i]!, name);
    else this.#inAnyOrder(name);
    const odd = this.#arrived.find(({ level }) => level !== "info");
    assert.equal(odd, undefined, `what ${name} prints must come at the level info, and this did not`);
  }

  #inAnyOrder(name: string): void {
    const messages = new Set(this.#arrived.map(({ message }) => message));
    for (const ways of this.#expected) {
      const way = ways.find((each) => messages.delete(each));
      assert.ok(way !== undefined, `${name} printed ${show(ways[0])}, which did not come`);
    }
  }
}

function expectLine(message: string, ways: readonly string[], name: string): void {
  assert.ok(
    ways.includes(message),
    `a line of ${name} must be ${ways.map(show).join(" or ")}, and is ${show(message)}`,
  );
}
