import { expect, test } from "vitest";
import { answer } from "./guest.ts";

// The released build of QuickJS refuses each of these with "stack underflow"; scripts/mend-build.mjs mends it.

const ITERABLE = `let closed = 0;
  const iterable = { [Symbol.iterator]: () => ({ next: () => ({ value: 1, done: false }), return: () => (closed++, {}) }) };`;

test.each([
  ["a yield in the head of a loop", "function* g(t) { for (const c of yield t) return c }", "g(3)", [3, 7]],
  ["without a value", "function* g() { for (var c of yield) return c }", "g()", [null, 7]],
  ["in parentheses", "function* g(t) { for (let c of (yield t)) return c }", "g(3)", [3, 7]],
  ["in an array", "function* g(t) { for (const c of [yield t, 2]) return c[0] }", "g(3)", [3, 7]],
  [
    "delegated",
    "function* g(t) { for (const c of yield* h(t)) return c } function* h(t) { return yield t }",
    "g(3)",
    [3, 7],
  ],
  ["in a loop in a loop", "function* g(t) { for (const a of [1]) for (const c of yield t) return c }", "g(3)", [3, 7]],
  [
    "in try and finally",
    "function* g(t) { try { for (const c of yield t) return c } finally { t = 0 } }",
    "g(3)",
    [3, 7],
  ],
  [
    "with a label",
    "function* g(t) { out: for (const c of yield t) { for (;;) continue out } return t }",
    "g(3)",
    [3, 3],
  ],
])("%s loads and runs", async (_, source, start, expected) => {
  const guest = `${source}
    function f() { const it = ${start}; const first = it.next().value; return [first ?? null, it.next([7]).value] }`;
  expect(JSON.parse(await answer(guest))).toEqual(expected);
});

test("an async generator's loop too", async () => {
  const guest = `async function* g(t) { for await (const c of yield t) yield c }
    async function f() { const it = g(3); return [(await it.next()).value, (await it.next([7])).value] }`;
  expect(await answer(guest)).toBe("[3,7]");
});

test("a generator that returns in the head closes the loops around, and not the one whose iterator is not there yet", async () => {
  const guest = `${ITERABLE}
    function* g() { for (const a of iterable) for (const b of yield a) ; }
    function f() { const it = g(); it.next(); return [it.return(5), closed] }`;
  expect(await answer(guest)).toBe('[{"value":5,"done":true},1]');
});

test("a generator that returns in the body closes the loop's own iterator", async () => {
  const guest = `${ITERABLE}
    function* g() { for (const a of yield 1) yield a }
    function f() { const it = g(); it.next(); it.next(iterable); return [it.return(5), closed] }`;
  expect(await answer(guest)).toBe('[{"value":5,"done":true},1]');
});
