import { HOST_FUNCTION, type KitGuest } from "./kit-guest.ts";

/** One file, an ES module. */
export function javascript(code: string, exports: readonly string[] = ["run"]): KitGuest {
  return { module: "guest.mjs", exports, files: { "guest.mjs": code } };
}

/** Ways to never end. Each calls guest code again and again, so that an interpreter gets to look. */
const LOOPS: Readonly<Record<string, string>> = {
  "loop-generator":
    "function* endless() { for (;;) yield 1; } export function forever() { for (const _ of endless()); }",
  "loop-callback":
    "export function forever() { const list = [1]; list.forEach(() => list.length < 2 ** 31 && forever2()); } function forever2() { for (;;) [1, 2].map((n) => n); }",
  "loop-getter": "export function forever() { const trap = { get again() { for (;;); } }; return trap.again; }",
  "loop-result": "export function forever() { return { toJSON() { for (;;); } }; }",
  "loop-thenable": "export function forever() { return { then() { for (;;); } }; }",
  "loop-microtasks": "export async function forever() { for (;;) await null; }",
  "loop-finally":
    "export function forever() { for (;;) { try { throw 1; } catch { continue; } finally { continue; } } }",
  "loop-recursing": "export function forever() { for (;;) { try { (function deep() { deep(); })(); } catch {} } }",
  "loop-proxy": "export function forever() { const p = new Proxy({}, { get(t, k, r) { for (;;); } }); return p.x; }",
  "loop-thrown": "export function forever() { throw { get message() { for (;;); } }; }",
};

const RESULTS: Readonly<Record<string, string>> = {
  "bad-result-function": "() => () => 1",
  "bad-result-symbol": "() => Symbol('s')",
  "bad-result-bigint": "() => 1n",
  "bad-result-cycle": "() => { const a = {}; a.a = a; return a; }",
  "bad-result-throwing": "() => ({ toJSON() { throw new Error('no form'); } })",
};

/** Native guests get the host as a member of their second argument, those of a sandbox as a global. */
const CALL_HOST = `const ask = (context, value) => (context?.host ?? globalThis.host).call(${JSON.stringify(HOST_FUNCTION)}, value);`;

/** Guests that call a host function: their exports, and their code. */
const HOST_CALLERS: Readonly<Record<string, readonly [exports: readonly string[], code: string]>> = {
  "call-host": [
    ["call", "caught"],
    "export const call = (value, context) => ask(context, value);\nexport const caught = async (value, context) => { try { return await ask(context, value); } catch (error) { return [error.name, error.message]; } };",
  ],
  "crash-after-call": [
    ["crash"],
    "export const crash = async (value, context) => { await ask(context, value); globalThis.process.abort(); };",
  ],
  "call-host-together": [
    ["run"],
    "export const run = (values, context) => Promise.all(values.map((value) => ask(context, value)));",
  ],
  "throw-more": [
    ["fail"],
    "export const fail = (value) => { const cause = Object.assign(new RangeError('beneath', { cause: new Error('at the bottom') }), { code: 7 }); throw Object.assign(new AggregateError([new Error('first'), new TypeError('second')], 'above', { cause }), { code: 'E_ABOVE', data: value }); };",
  ],
  "call-host-caught-more": [
    ["run"],
    "export const run = async (value, context) => { try { return await ask(context, value); } catch (error) { const { code, data, cause, errors } = error; return [code, data, cause.message, cause.code, cause.cause.message, errors.map((each) => each.message), [error, cause, ...errors].map((each) => each.stack)]; } };",
  ],
  "call-host-unawaited": [["run"], "export const run = (value, context) => { ask(context, value); return null; };"],
  "call-host-unsendable": [
    ["run"],
    "const cycle = []; cycle.push(cycle);\nconst values = [1n, Symbol('s'), () => 1, cycle, { deep: [1n] }, { toJSON() { throw new TypeError('no form'); } }];\nexport const run = async (_, context) => { const names = []; for (const value of values) { try { await ask(context, value); names.push(null); } catch (error) { names.push(error.name); } } return names; };",
  ],
  "call-host-top-level": [
    ["run"],
    "let seen = 'nothing'; const see = (value) => { seen = value; };\ntry { if (globalThis.host) ask(undefined, 1).then(see, see); } catch (error) { see(error); }\nexport const run = () => String(seen);",
  ],
};

export function javascriptGuests(): ReadonlyMap<string, KitGuest> {
  const guests = new Map<string, KitGuest>();
  for (const [name, code] of Object.entries(LOOPS)) guests.set(name, javascript(code, ["forever"]));
  for (const [name, code] of Object.entries(RESULTS)) guests.set(name, javascript(`export const run = ${code};`));
  for (const [name, [exports, code]] of Object.entries(HOST_CALLERS))
    guests.set(name, javascript(`${CALL_HOST}\n${code}`, exports));
  guests.set(
    "loop-native",
    javascript("export function forever() { return /^(a+)+$/.test('a'.repeat(60) + 'b'); }", ["forever"]),
  );
  guests.set(
    "loop-native-search",
    javascript(
      "export function forever() { const a = 'a'.repeat(2 ** 23); return a.lastIndexOf('a'.repeat(2 ** 20) + 'b'); }",
      ["forever"],
    ),
  );
  guests.set("top-level-loop", javascript("for (;;); export function run() {}"));
  guests.set(
    "top-level-allocate",
    javascript("const kept = []; for (;;) kept.push(new Array(100_000).fill(kept.length)); export function run() {}"),
  );
  guests.set("top-level-throw", javascript("export function run() {}\nthrow new TypeError('refused at the top');"));
  guests.set(
    "language",
    javascript("export const run = (words) => [...new Set(words)].map((word) => word + '!').join(' ');"),
  );
  guests.set(
    "spin",
    javascript(
      "export function spin(n) { let x = 1; for (let i = 0; i < n; i++) x = (x * 48271) % 2147483647; return x; }",
      ["spin"],
    ),
  );
  guests.set("crash", javascript("export function crash() { globalThis.process.abort(); }", ["crash"]));
  return guests;
}
