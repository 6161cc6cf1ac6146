// What guests of the toy language do: one verb a function, as a generator that yields at each step, so that its interpreter can look.
import { validate } from "../../../../fixtures/validate-email/native/validate.mjs";

/** A guest's `throw`. `more` is what it has beside its texts: `code`, `data`, `cause` and `errors`. */
export class ToyError extends Error {
  constructor(name, message, more = {}) {
    super(message);
    this.name = name;
    this.more = more;
  }
}

/** What lies below an error. */
const beneath = (name, message, more) => ({ name, message, stack: "", ...more });

/** Asks the interpreter for something at a step. */
export const ask = {
  allocate: (bytes) => ({ allocate: bytes }),
  deeper: { deeper: true },
  wait: { wait: true },
  waitForEver: { waitForEver: true },
  print: (text) => ({ print: text }),
  crash: { crash: true },
  host: (name, value) => ({ host: name, value }),
};

const refuse = (value) => {
  throw new ToyError("TypeError", `refused: ${value}`);
};

/** A verb that answers after one step. */
const plain = (run) =>
  function* steps(value, state) {
    yield;
    return run(value, state);
  };

/** What a call may leave behind. */
const PLACES = ["globals", "memory", "prototypes", "tables", "files"];

const leave = (value, state) => {
  for (const place of PLACES) state[place] = value;
  state.made = 0;
  return value;
};

const tracesIn = (_, state) => [
  ...(state.made === 42 ? [] : ["top"]),
  ...PLACES.filter((place) => state[place] !== undefined),
];

/** `state` is the instance's own. */
export const verbs = {
  value: plain((value) => value),
  refuse: plain(refuse),
  count: plain((_, state) => ++state.count),
  nothing: plain(() => undefined),
  big: plain((length) => "x".repeat(length)),
  one: plain(() => 1),
  two: plain(() => 2),
  make: plain((_, state) => Object.assign(state, { made: 42 })),
  look: plain(tracesIn),
  leave: plain(leave),
  *leaveAndRefuse(value, state) {
    yield;
    refuse(leave(value, state));
  },
  *leaveForEver(value, state) {
    leave(value, state);
    for (;;) yield;
  },
  *leaveAndAllocate(value, state) {
    leave(value, state);
    yield* verbs.allocate(value, state);
  },
  *fill(value, state) {
    yield ask.allocate(8 << 20);
    state.kept.push(Buffer.alloc(8 << 20, 1));
    return value;
  },
  double: plain((value) => value * 2),
  join: plain((values) => values.join("-")),
  exclaim: plain((words) => [...new Set(words)].map((word) => `${word}!`).join(" ")),
  unserialisable: plain(() => 1n),
  validate: plain(validate),
  *print(value) {
    yield ask.print(String(value));
    return null;
  },
  *recurse() {
    for (;;) yield ask.deeper;
  },
  *forever() {
    for (;;) yield;
  },
  *catching() {
    for (;;) {
      try {
        for (;;) yield;
      } catch {
        // Goes on.
      }
    }
  },
  *allocate(_, state) {
    for (;;) {
      yield ask.allocate(1 << 20);
      state.kept.push(Buffer.alloc(1 << 20, 1));
    }
  },
  *later(value) {
    yield ask.wait;
    return value;
  },
  *reject(value) {
    yield ask.wait;
    refuse(value);
  },
  *never() {
    for (;;) yield ask.waitForEver;
  },
  *callHost(value) {
    return yield ask.host("kit.call", value);
  },
  *catchHost(value) {
    try {
      return yield ask.host("kit.call", value);
    } catch (error) {
      return [error.name, error.message];
    }
  },
  *catchMore(value) {
    try {
      return yield ask.host("kit.call", value);
    } catch ({ more: { code, data, cause, errors } }) {
      const parts = errors.map(({ message }) => message);
      return [code, data, cause.message, cause.code, cause.cause.message, parts, [cause, ...errors]];
    }
  },
  *throwMore(value) {
    yield;
    const cause = beneath("RangeError", "beneath", { code: 7, cause: beneath("Error", "at the bottom") });
    const errors = [beneath("Error", "first"), beneath("TypeError", "second")];
    throw new ToyError("AggregateError", "above", { code: "E_ABOVE", data: value, cause, errors });
  },
  *callHostOften(values) {
    const answers = [];
    for (const value of values) answers.push(yield ask.host("kit.call", value));
    return answers;
  },
  *callSecret(value) {
    return yield ask.host("kit.secret", value);
  },
  *failInHost(value) {
    return yield ask.host("kit.fail", value);
  },
  *echoInHost(value) {
    return yield ask.host("kit.later", yield ask.host("kit.echo", value));
  },
  *spin(rounds) {
    let x = 1;
    for (let i = 0; i < rounds; i++) {
      x = (x * 48271) % 2147483647;
      if (i % 1024 === 0) yield;
    }
    return x;
  },
  *crashAfterCall(value) {
    yield ask.host("kit.call", value);
    yield ask.crash;
  },
  *crash() {
    yield ask.crash;
  },
};
