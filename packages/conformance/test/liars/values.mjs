// Values that come back as others: what software rewrites that means well. Each is a replacer, as JSON.parse takes one, or a change of the text.

import { withoutColours } from "./mutations.mjs";

const strings = (change) => (_, value) => (typeof value === "string" ? change(value) : value);
const replaced = (pattern, by) => strings((text) => text.replaceAll(pattern, by));
const numbers = (change) => (_, value) => (typeof value === "number" ? change(value) : value);
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const objects = (change) => (_, value) => (isObject(value) ? change(value) : value);
const withoutKeys = (drop) =>
  objects((value) => Object.fromEntries(Object.entries(value).filter(([key, member]) => !drop(key, member))));
const withKeys = (rename) =>
  objects((value) => Object.fromEntries(Object.entries(value).map(([key, member]) => [rename(key), member])));
const wholly = (pattern, change) => strings((text) => (pattern.test(text) ? change(text) : text));

export const REPLACERS = {
  "ISO dates rewritten": wholly(/^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/, (text) =>
    String(new Date(text).toISOString().replace(/\.\d+Z$/, "Z")),
  ),
  "ISO dates with an offset as UTC": wholly(/^\d{4}-\d\d-\d\dT[\d:.]+[+-]\d\d:\d\d$/, (text) =>
    new Date(text).toISOString(),
  ),
  "dates without a time given one": wholly(/^\d{4}-\d\d-\d\d$/, (text) => `${text}T00:00:00.000Z`),
  "times with microseconds cut to milliseconds": replaced(/(\.\d{3})\d{3}(?=Z|[+-]\d\d)/g, "$1"),
  "times without seconds given some": wholly(/^\d\d:\d\d$/, (text) => `${text}:00`),
  "numbers in text as numbers": wholly(/^-?(0|[1-9]\d{0,14})(\.\d+)?$/, Number),
  "leading zeros dropped": wholly(/^0\d+$/, (text) => text.replace(/^0+/, "")),
  "exponents in text as numbers": wholly(/^\d+e\d{1,2}$/i, Number),
  "hexadecimal in lower case": wholly(/^0x[0-9a-f]+$/i, (text) => text.toLowerCase()),
  "long digits cut": wholly(/^\d{16,}$/, (text) => `${text.slice(0, 15)}${"0".repeat(text.length - 15)}`),
  "true and false in text as booleans": wholly(/^(true|false)$/, (text) => text === "true"),
  "the text null as null": wholly(/^null$/, () => null),
  "the text undefined as null": wholly(/^undefined$/, () => null),
  "the texts NaN and Infinity as null": wholly(/^(NaN|-?Infinity)$/, () => null),
  "JSON in text as its value": wholly(/^[[{].*[\]}]$/s, (text) => {
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  }),
  "UUIDs in lower case": wholly(/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i, (text) => text.toLowerCase()),
  "mail addresses in lower case": wholly(/^\S+@\S+\.\S+$/, (text) => text.toLowerCase()),
  "addresses of the web with a slash": wholly(/^https?:\/\/[^/]+$/, (text) => `${text}/`),
  "percent signs decoded": replaced(/%20/g, " "),
  "plus signs as blanks": replaced(/(?<=\w)\+(?=\w)/g, " "),
  "HTML escaped": replaced("<", "&lt;"),
  "HTML unescaped": replaced("&amp;", "&"),
  "ANSI colours dropped": strings(withoutColours),
  "base64 without padding": wholly(/^[A-Za-z0-9+/]+={1,2}$/, (text) => text.replace(/=+$/, "")),
  "card numbers masked": replaced(/\b\d{4}-\d{4}-\d{4}(?=-\d{4}\b)/g, "****-****-****"),
  "blanks at the end dropped": strings((text) => text.trimEnd()),
  "blanks at the beginning dropped": strings((text) => text.trimStart()),
  "blanks in a row as one": replaced(/ {2,}/g, " "),
  "tabs as blanks": replaced("\t", " "),
  "carriage returns dropped": replaced("\r\n", "\n"),
  "line ends at the end dropped": strings((text) => text.replace(/\n$/, "")),
  "backslashes as slashes": replaced("\\", "/"),
  "curly quotes made straight": replaced(/[“”]/g, '"'),
  "no-break spaces as blanks": replaced("\u00a0", " "),
  "zero-width joiners dropped": replaced("\u200d", ""),
  "marks of direction dropped": replaced(/[\u200e\u200f\u202a-\u202e]/g, ""),
  "soft hyphens dropped": replaced("\u00ad", ""),
  "variation selectors dropped": replaced("\ufe0f", ""),
  "byte order marks dropped": replaced("\ufeff", ""),
  "a byte order mark at the beginning dropped": strings((text) => text.replace(/^\ufeff/, "")),
  "NULs dropped": replaced("\0", ""),
  "text ends at a NUL": strings((text) => text.split("\0")[0]),
  "line separators as line ends": replaced(/[\u2028\u2029]/g, "\n"),
  "lone surrogates replaced": strings(
    (text) => text.toWellFormed?.() ?? text.replaceAll(/[\ud800-\udbff](?![\udc00-\udfff])/g, "\ufffd"),
  ),
  "characters beyond the first plane replaced": replaced(/[\u{10000}-\u{10ffff}]/gu, "\ufffd"),
  "text in NFC": strings((text) => text.normalize("NFC")),
  "text in NFD": strings((text) => text.normalize("NFD")),
  "text in NFKC": strings((text) => text.normalize("NFKC")),
  "U+FFFD dropped": replaced("\ufffd", ""),
  "private use characters dropped": replaced(/[\ue000-\uf8ff]/g, ""),
  "control characters dropped": strings((text) =>
    Array.from(text)
      .filter((each) => each >= " " || "\t\n\v\f\r\0".includes(each))
      .join(""),
  ),
  "U+0080 to U+009F dropped": replaced(/[\u0080-\u009f]/g, ""),
  "Windows-1252 taken for Latin-1": replaced("\u0096", "–"),
  "placeholders filled in": replaced(/\$\{[^}]*\}/g, ""),
  "patterns of printf filled in": replaced("%s", ""),
  "patterns of replace filled in": replaced("$&", "&"),
  "mustaches filled in": replaced(/\{\{[^}]*\}\}/g, ""),
  "comments dropped": replaced(/\/\*.*?\*\//g, ""),
  "empty text as null": wholly(/^$/, () => null),
  "empty objects as null": objects((value) => (Object.keys(value).length === 0 ? null : value)),
  "empty lists as null": (_, value) => (Array.isArray(value) && value.length === 0 ? null : value),
  "empty objects as empty lists": objects((value) => (Object.keys(value).length === 0 ? [] : value)),
  "lists of one as their element": (_, value) => (Array.isArray(value) && value.length === 1 ? value[0] : value),
  "lists in lists flattened": (_, value) => (Array.isArray(value) ? value.flat() : value),
  "lists of more than 100 cut": (_, value) =>
    Array.isArray(value) && value.length > 100 ? value.slice(0, 100) : value,
  "lists of more than 20,000 cut": (_, value) =>
    Array.isArray(value) && value.length > 20_000 ? value.slice(0, 20_000) : value,
  "lists of numbers sorted": (_, value) =>
    Array.isArray(value) && value.length > 1 && value.every((each) => typeof each === "number")
      ? (value.toSorted?.((a, b) => a - b) ?? [...value].sort((a, b) => a - b))
      : value,
  "duplicates in lists dropped": (_, value) =>
    Array.isArray(value) && value.every((each) => typeof each !== "object") ? [...new Set(value)] : value,
  "nulls in lists dropped": (_, value) => (Array.isArray(value) ? value.filter((each) => each !== null) : value),
  "nulls in objects dropped": withoutKeys((_, member) => member === null),
  "keys of prototypes dropped": withoutKeys((key) => key === "__proto__"),
  "the key constructor dropped": withoutKeys((key) => key === "constructor"),
  "the key then dropped": withoutKeys((key) => key === "then"),
  "the key toJSON dropped": withoutKeys((key) => key === "toJSON"),
  "the key length dropped": withoutKeys((key) => key === "length"),
  "keys that begin with a dollar dropped": withoutKeys((key) => key.startsWith("$")),
  "keys that begin with an underscore dropped": withoutKeys((key) => /^_[^_]/.test(key)),
  "the empty key dropped": withoutKeys((key) => key === ""),
  "what passwords are masked": (key, value) => (/password|token|secret/i.test(key) ? "***" : value),
  "keys in lower case": withKeys((key) => (/[A-Z]/.test(key) ? key.toLowerCase() : key)),
  "keys in snake case as camel case": withKeys((key) =>
    key.replace(/(?<=[a-z])_([a-z])/g, (_, letter) => letter.toUpperCase()),
  ),
  "keys trimmed": withKeys((key) => key.trim()),
  "keys with dots as paths": withKeys((key) => key.replaceAll(".", "_")),
  "keys of more than 100 characters cut": withKeys((key) => key.slice(0, 100)),
  "keys sorted": objects((value) => Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))),
  "keys in reverse": objects((value) => Object.fromEntries(Object.entries(value).reverse())),
  "objects with more than 100 keys cut": objects((value) =>
    Object.keys(value).length > 100 ? Object.fromEntries(Object.entries(value).slice(0, 100)) : value,
  ),
  "buffers as their text": objects((value) =>
    value.type === "Buffer" ? Buffer.from(value.data ?? []).toString() : value,
  ),
  "objects with $date as dates": objects((value) => (typeof value.$date === "string" ? value.$date : value)),
  "objects with $ref resolved": objects((value) => (typeof value.$ref === "string" ? {} : value)),
  "numbers of single precision": numbers(Math.fround),
  "numbers of 32 bits": numbers((value) => (Number.isInteger(value) && Math.abs(value) < 2 ** 53 ? value | 0 : value)),
  "numbers of 15 digits": numbers((value) => Number(value.toPrecision(15))),
  "numbers of six decimals": numbers((value) => (Math.abs(value) < 1e15 ? Number(value.toFixed(6)) : value)),
  "tiny numbers as 0": numbers((value) => (Math.abs(value) < 1e-300 ? 0 : value)),
  "subnormal numbers as 0": numbers((value) => (Math.abs(value) < 2 ** -1022 ? 0 : value)),
  "huge numbers as null": numbers((value) => (Math.abs(value) > 1e300 ? null : value)),
  "integers above 2^52 off by one": numbers((value) =>
    Number.isInteger(value) && value > 2 ** 52 && value < 2 ** 53 ? value - 1 : value,
  ),
  "2^31 off": numbers((value) => (value === 2 ** 31 ? -(2 ** 31) : value)),
  "negative numbers as positive ones": numbers(Math.abs),
  "42 as 43": numbers((value) => (value === 42 ? 43 : value)),
  "booleans as numbers": (_, value) => (typeof value === "boolean" ? Number(value) : value),
  "false as null": (_, value) => (value === false ? null : value),
  "text of more than 1,000 characters cut": strings((text) => text.slice(0, 1000)),
  "text of more than 65,535 characters cut": strings((text) => text.slice(0, 65_535)),
  "text of more than 3 MiB cut": strings((text) => text.slice(0, 3 << 20)),
  "long text with one letter changed": strings((text) =>
    text.length > 5000 ? `${text.slice(0, 4321)}?${text.slice(4322)}` : text,
  ),
  "long text in pieces of 65,536 swapped": strings((text) =>
    text.length > 131_072 ? text.slice(65_536, 131_072) + text.slice(0, 65_536) + text.slice(131_072) : text,
  ),
  "capital letters beyond ASCII in lower case": replaced(/[À-Þ]/g, (letter) => letter.toLowerCase()),
  "the Turkish dotted I": replaced("İ", "i"),
  "sharp s as ss": replaced("ß", "ss"),
  "the sign of degree dropped": replaced("°", ""),
};

/** Changes of the text where it is one value of the list, and no change of its value. */
export function changed(text, replacer) {
  let value;
  try {
    value = JSON.parse(text, replacer);
  } catch {
    return text;
  }
  const before = JSON.stringify(JSON.parse(text));
  const after = JSON.stringify(value) ?? "null";
  return after === before ? text : after;
}
