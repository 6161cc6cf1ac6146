import type { KitGuest } from "./kit-guest.ts";

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

export function javascriptGuests(): ReadonlyMap<string, KitGuest> {
  const guests = new Map<string, KitGuest>();
  for (const [name, code] of Object.entries(LOOPS)) guests.set(name, javascript(code, ["forever"]));
  for (const [name, code] of Object.entries(RESULTS)) guests.set(name, javascript(`export const run = ${code};`));
  guests.set(
    "loop-native",
    javascript("export function forever() { return /^(a+)+$/.test('a'.repeat(60) + 'b'); }", ["forever"]),
  );
  guests.set("top-level-loop", javascript("for (;;); export function run() {}"));
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
