import { expect, test } from "vitest";
import { answer } from "./guest.ts";

// The released build of QuickJS refuses each of these with "stack underflow", and those further down with "inconsistent stack size", or runs them wrongly;
// scripts/mend-build.mjs mends it.

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

test.each([
  ["a default", "for (const [a = yield] of iterable) ;"],
  ["a default of a member", "for (const { a = yield 1 } of iterable) ;"],
  ["a name of a member", "for (const { [yield]: a } of iterable) ;"],
  ["no declaration", "let a; for ([a = yield] of iterable) ;"],
  ["a place in an object", "const o = {}; for (o[yield] of iterable) ;"],
  ["a loop in it", "for (const a of [1]) for (const [b = yield] of iterable) ;"],
  ["names like the loop's words", "const of = {}; for (/* of */ of[yield 'in'] of iterable) ;"],
])("a generator that returns in what the loop assigns to closes its iterator: %s", async (_, loop) => {
  const empty = ITERABLE.replace("value: 1", "value: []");
  const body = { plain: loop, finally: `try { ${loop} } finally { closed += 10 }` };
  const guest = `${empty}
    function* plain() { ${body.plain} }
    function* inFinally() { ${body.finally} }
    function f() { return [plain, inFinally].map((g) => { closed = 0; const it = g(); it.next(); return [it.return(5).value, closed] }) }`;
  expect(await answer(guest)).toBe("[[5,1],[5,11]]");
});

test("a loop over names is told from one over values whatever it assigns to", async () => {
  const guest = `
    function* g(o) { const of = []; try { for (of[yield 1] in o) ; for (const [a = yield 2] in { "": 0 }) ; } finally { of.push(9) } return of }
    function f() { const it = g({ k: 1 }); it.next(); it.next(0); return [it.return(5), [...g({ k: 1 })]] }`;
  expect(await answer(guest)).toBe('[{"value":5,"done":true},[1,2]]');
});

test("a for await that comes to its end leaves its iterator alone, and one that is left closes it", async () => {
  const guest = `
    function list(log) { let i = 0; return { [Symbol.asyncIterator]: () => ({
      next: async () => (log.push("next"), { value: i, done: i++ >= 2 }), return: async () => (log.push("return"), {}) }) } }
    async function f() {
      const whole = [], left = [], none = [];
      for await (const x of list(whole)) whole.push(x);
      for await (const x of list(left)) break;
      for await (const [x = await 1] of [[], []]) none.push(x);
      return [whole, left, none];
    }`;
  expect(await answer(guest)).toBe('[["next",0,"next",1,"next"],["next","return"],[1,1]]');
});
