import assert from "node:assert/strict";
import type { InvokeOptions, Module } from "extruntime";
import { ExtensionError } from "extruntime";
import { parsed, show } from "../../expect/expect.ts";
import type { Subject } from "../../facts/facts.ts";
import type { FreshValues } from "./fresh-values.ts";

/** Characters of a message or a line: guests' own libraries cut longer ones. */
export const MOST_PRINTED = 3000;

/** A length below all others: what is sent is a number of two digits. */
export const SHORT = -1;

/** One call of a conversation: how it is made, and how much it carries. */
export interface Turn {
  readonly values: FreshValues;
  /** Which of its ways the speaker takes: each in turn. */
  readonly way: number;
  readonly method: "invoke" | "call" | "invokeSync";
  readonly options: InvokeOptions | undefined;
  /** Characters, about, of what is sent beside its own value; or {@link SHORT}. */
  readonly length: number;
  /** White space around a value is nothing to a guest that receives values: what is short is sent as long as the rest. */
  readonly spaced: boolean;
}

/**
 * The `i`th call of a speaker among those of its kind (see {@link kindOf}). Nothing of it is drawn by lot: as many calls in a row as there are ways take each of
 * them, twice as many each of them by two methods, and limits and signals, which come in fives and sevens, meet them all. Calls that overlap with others cannot be
 * synchronous.
 */
export function turn(i: number, values: FreshValues, length: number, subject: Subject, alone: boolean, ways = 1): Turn {
  const { sync, deadline, signal } = subject.capabilities;
  const methods = alone && sync ? (["invoke", "call", "invokeSync"] as const) : (["invoke", "call"] as const);
  const method = methods[Math.floor(i / ways) % methods.length]!;
  const options: { timeoutMs?: number; signal?: AbortSignal } = {};
  if (i % 5 === 3 && deadline !== false) options.timeoutMs = 600_000;
  if (i % 7 === 4 && signal !== false && method !== "invokeSync") options.signal = new AbortController().signal;
  return {
    values,
    way: i % ways,
    method,
    options: Object.keys(options).length === 0 ? undefined : options,
    length,
    spaced: subject.traits.values,
  };
}

/** Sizes from which on software does things in another way, in characters. */
const SIZES: readonly number[] = [0, 1024, 65_536, 1 << 20];

/** Calls of which each kind has all ways, methods and options. */
export function kindOf(length: number, alone: boolean): string {
  return `${SIZES.filter((size) => length >= size).length}${alone ? " alone" : ""}`;
}

/** The answer's text where it was asked for as text, and as JSON would write it where it was not. */
export async function ask(
  module: Module,
  fn: string,
  value: string,
  { method, options, length, spaced }: Turn,
): Promise<string> {
  const short = spaced && value.length < length;
  const payload = short ? `${value}${" ".repeat(length - value.length)}` : value;
  // White space is lost where a value is sent, and with it the length.
  if (method === "call" && !short) return JSON.stringify(await module.call(fn, JSON.parse(payload), options));
  const { timeoutMs } = options ?? {};
  const limits = timeoutMs === undefined ? undefined : { timeoutMs };
  return method === "invokeSync" ? module.invokeSync(fn, payload, limits) : module.invoke(fn, payload, options);
}

/** What the call fails with, which must be the guest's own error. */
export async function askInVain(module: Module, fn: string, payload: string, turn: Turn): Promise<ExtensionError> {
  let answer: string;
  try {
    answer = await ask(module, fn, payload, turn);
  } catch (error) {
    assert.ok(
      ExtensionError.is(error, "ERR_EXT_GUEST"),
      `${module.name}.${fn} must fail with ERR_EXT_GUEST, and failed with ${show(error)}`,
    );
    return error;
  }
  return assert.fail(`${module.name}.${fn} must fail with ERR_EXT_GUEST, and gave ${show(answer)}`);
}

/** A guest's error is told whole, and nothing of it comes from another. `message` is what it threw. */
export function expectGuest(
  error: ExtensionError,
  module: Module,
  fn: string,
  messages: readonly string[],
  { traits, language }: Subject,
): void {
  const { name, message, stack } = error.guest!;
  assert.ok(
    messages.includes(message),
    `the guest's message of ${module.name}.${fn} must be ${messages.map(show).join(" or ")}, and is ${show(message)}`,
  );
  expectWhole(error, module, fn);
  if (!traits.stacks) return;
  assert.equal(name, "TypeError", "the name of the guest's error is lost");
  assert.match(
    stack.replace(message, ""),
    GUEST_FRAME,
    `the stack of ${module.name}.${fn} must have the guest's file and line, and is ${show(stack)}`,
  );
  assert.ok(
    language !== "javascript" || stack.includes(fn),
    `the stack of ${module.name}.${fn} must name the function, and is ${show(stack)}`,
  );
}

/** Said twice, it must be said alike, whatever the guest's language calls its errors. */
export function expectWhole(error: ExtensionError, module: Module, fn: string): void {
  const { name, message } = error.guest!;
  assert.equal(
    error.message,
    `${module.name}.${fn}: ${name}: ${message}`,
    "an error's message must be its place, the guest's name of it, and the guest's message",
  );
}

/** File name, then a line: `guest.js:2` or `guest.py", line 2`. */
const GUEST_FRAME = /guest[.\w]*\W[^\n]*\d/;

/** Equal, and their keys in the same order. */
export function expectSame(text: string, expected: string, what: string, { traits }: Subject): void {
  // Where guests receive bytes they give them back.
  if (!traits.values && text === expected) return;
  const actual = parsed(text, what);
  if (!sameInOrder(actual, JSON.parse(expected))) assert.fail(`${what} must be ${around(expected, text)}`);
}

function sameInOrder(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [own, others] = [Object.entries(a), Object.entries(b)];
  return (
    own.length === others.length &&
    own.every(([key, value], i) => key === others[i]![0] && sameInOrder(value, others[i]![1]))
  );
}

/** What was expected and what came, from a little before they differ. */
function around(expected: string, actual: string): string {
  let at = 0;
  while (at < expected.length && expected[at] === actual[at]) at++;
  const from = Math.max(0, at - 40);
  const cut = (text: string) =>
    `${from > 0 ? "…" : ""}${text.slice(from, from + 160)}${text.length > from + 160 ? "…" : ""}`;
  return `${cut(expected)}, and is ${cut(actual)}`;
}
