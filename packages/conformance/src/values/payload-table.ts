import type { ExtensionErrorCode } from "extruntime";
import { STRANGE_VALUES } from "./strange-values.ts";

/** Values that every language's JSON carries, and gives back as the same value. */
export const SAME: readonly { readonly name: string; readonly payload: string }[] = [
  ["null", "null"],
  ["true", "true"],
  ["false", "false"],
  ["zero", "0"],
  ["an integer", "42"],
  ["a negative integer", "-42"],
  ["2^53 - 1", "9007199254740991"],
  ["-(2^53 - 1)", "-9007199254740991"],
  ["2^31 and 2^32", "[2147483647,2147483648,4294967295,4294967296,-2147483648,-2147483649]"],
  ["fractions", "[0.1,-0.5,1.5e-7,123456.789,0.30000000000000004]"],
  ["exponents", "[1e3,1E3,1e+3,25e-1,1.7976931348623157e308,5e-324]"],
  ["an empty string", '""'],
  ["white space around", " \t\r\n [ 1 , 2 ] \n"],
  ["escapes", '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041"'],
  ["control characters, escaped", '"\\u0000\\u0001\\u001f\\u007f\\u0080"'],
  ["line separators", '"\u2028\u2029"'],
  ["letters beyond ASCII", '"aé€😀\u{10ffff}"'],
  ["letters that Unicode would normalise", '"e\u0301 \u00e9 \ufb01 \u212b"'],
  ["a byte order mark inside", '"\ufeffx\ufeff"'],
  ["U+FFFD and U+FFFE", '"\ufffd\ufffe\uffff"'],
  ["an escaped surrogate pair", '"\\ud83d\\ude00"'],
  ["empty collections", '[[],{},[{}],{"a":[]}]'],
  ["a nested object", '{"a":{"b":[{"c":{"d":[1,[2,[3]]]}}]}}'],
  ["an empty key and strange keys", '{"":1," ":2,"\\u0000":3,"é":4,"a.b":5,"1":6,"-0":7}'],
  ["keys of prototypes", '{"__proto__":{"a":1},"constructor":2,"toString":3,"hasOwnProperty":4,"then":5,"toJSON":6}'],
  ["keys of Python's objects", '{"__class__":1,"__dict__":2,"self":3,"None":4}'],
  ["a long array", JSON.stringify(Array.from({ length: 10_000 }, (_, i) => i))],
  ["many keys", JSON.stringify(Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`key ${i}`, i])))],
  ["a hundred levels", `${"[".repeat(100)}${"]".repeat(100)}`],
  [
    "every plane of Unicode",
    JSON.stringify(Array.from({ length: 17 }, (_, plane) => String.fromCodePoint(plane * 0x10000 + 0x1234))),
  ],
  ["a list of 100,000 numbers", JSON.stringify(Array.from({ length: 100_000 }, (_, i) => i % 97))],
  ...STRANGE_VALUES.map((payload) => [`a value that software rewrites, ${payload.slice(0, 40)}`, payload]),
].map(([name, payload]) => ({ name: name!, payload: payload! }));

/** What differs: the texts that a language may answer, or the codes that it may fail with. A language that is not named may do either. */
export const DIFFERENCES: readonly {
  readonly name: string;
  readonly payload: string;
  readonly by: Readonly<Record<string, readonly (string | ExtensionErrorCode)[]>>;
}[] = [
  { name: "minus zero", payload: "-0.0", by: { javascript: ["0", "-0"], python: ["-0.0"], wasm: ["-0.0"] } },
  { name: "1e400", payload: "1e400", by: { javascript: ["null"], python: ["ERR_EXT_BAD_RESULT"], wasm: ["1e400"] } },
  {
    name: "2^53 + 1",
    payload: "9007199254740993",
    by: { javascript: ["9007199254740992"], python: ["9007199254740993"], wasm: ["9007199254740993"] },
  },
  {
    name: "2^70",
    payload: "1180591620717411303424",
    by: {
      javascript: ["1.1805916207174113e+21", "1180591620717411303424"],
      python: ["1180591620717411303424"],
      wasm: ["1180591620717411303424"],
    },
  },
  { name: "1.0", payload: "1.0", by: { javascript: ["1"], python: ["1.0"], wasm: ["1.0"] } },
  {
    name: "the same key twice",
    payload: '{"a":1,"a":2}',
    by: { javascript: ['{"a":2}'], python: ['{"a": 2}', '{"a":2}'], wasm: ['{"a":1,"a":2}'] },
  },
  {
    name: "the order of keys",
    payload: '{"b":1,"a":2,"1":3}',
    by: {
      javascript: ['{"1":3,"b":1,"a":2}'],
      python: ['{"b": 1, "a": 2, "1": 3}', '{"b":1,"a":2,"1":3}'],
      wasm: ['{"b":1,"a":2,"1":3}'],
    },
  },
  {
    name: "a lone surrogate, escaped",
    payload: '"\\ud800"',
    by: { javascript: ['"\\ud800"'], python: ['"\\ud800"'], wasm: ['"\\ud800"'] },
  },
  {
    name: "a lone surrogate as it is",
    payload: '"a\ud800b"',
    by: {
      javascript: ['"a\\ud800b"', '"a\ufffdb"'],
      python: ['"a\\ud800b"', '"a\ufffdb"', '"a\\ufffdb"'],
      wasm: ['"a\ufffdb"'],
    },
  },
];

/** Not JSON, for any parser that keeps to RFC 8259. */
export const NOT_JSON: readonly string[] = [
  "",
  " ",
  "{",
  "[1,",
  "[1,]",
  '{"a":1,}',
  '{"a":1}x',
  "undefined",
  "nul",
  "'a'",
  "01",
  "+1",
  ".5",
  "1.",
  "0x10",
  "--1",
  '"\n"',
  '"\\x41"',
  '"\\u12"',
  '"a',
  "1\0",
  "\0",
  "\ufeff1",
  "{a:1}",
  '{1:"a"}',
  "[1 2]",
  "// 1\n1",
  "]",
];
