import assert from "node:assert/strict";
import { ExtensionError, type ExtensionErrorCode } from "extruntime";

/** The promise's outcome; rejects where it has none within `patienceMs`, so that a hang is told by what hangs. */
export async function answered<Value>(promise: Promise<Value>, what: string, patienceMs: number): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new assert.AssertionError({ message: `${what} is still not settled after ${patienceMs} ms` })),
      patienceMs,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What `action` fails with. It must fail. */
export async function failure(action: () => unknown, what: string): Promise<unknown> {
  let value: unknown;
  try {
    value = await action();
  } catch (error) {
    return error;
  }
  return assert.fail(`${what} must fail, and gave ${show(value)}`);
}

/** The ExtensionError that `action` fails with. It must fail with one of these codes. */
export async function refusal(
  action: () => unknown,
  codes: ExtensionErrorCode | readonly ExtensionErrorCode[],
  what: string,
): Promise<ExtensionError> {
  return expectCode(await failure(action, what), codes, what);
}

export function expectCode(
  error: unknown,
  codes: ExtensionErrorCode | readonly ExtensionErrorCode[],
  what: string,
): ExtensionError {
  const expected = typeof codes === "string" ? [codes] : codes;
  if (!ExtensionError.is(error))
    assert.fail(`${what} must fail with an ExtensionError, and failed with ${show(error)}`);
  if (!expected.includes(error.code))
    assert.fail(`${what} must fail with ${expected.join(" or ")}, and failed with ${error.code}: ${error.message}`);
  return error;
}

/** Whether two JSON values are the same; 0 and -0 are, since not every language's JSON keeps the sign. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && sameJson(member(a, key), member(b, key)));
}

/** JSON text that must be JSON. */
export function parsed(text: string, what: string): unknown {
  assert.equal(typeof text, "string", `${what} must be JSON text, and is a ${typeof text}`);
  try {
    return JSON.parse(text);
  } catch {
    return assert.fail(`${what} must be JSON text, and is ${show(text)}`);
  }
}

export function expectJson(text: string, expected: unknown, what: string): void {
  const actual = parsed(text, what);
  if (!sameJson(actual, expected)) assert.fail(`${what} must be ${show(expected)}, and is ${show(actual)}`);
}

/** For messages: short, and never throwing. */
export function show(value: unknown): string {
  if (value instanceof Error)
    return `${value.name}${ExtensionError.is(value) ? ` ${value.code}` : ""}: ${value.message}`;
  let text: string;
  try {
    text = JSON.stringify(value) ?? String(value);
  } catch {
    text = Object.prototype.toString.call(value);
  }
  return text.length > 200 ? `${text.slice(0, 200)}… (${text.length} characters)` : text;
}

function member(object: object, key: string): unknown {
  return (object as Record<string, unknown>)[key];
}
