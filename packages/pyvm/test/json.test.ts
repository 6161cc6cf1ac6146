import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Module } from "extruntime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cpython, load } from "./guest.ts";

// CPython's own json, asked in a process of its own, is what the addon is compared with.
const child = fileURLToPath(new URL("json-child.py", import.meta.url));

function ask<Answer>(question: string, cases: unknown): Answer {
  const input = JSON.stringify({ question, cases });
  const options = { input, encoding: "utf8" as const, maxBuffer: 1 << 28, env: { PYTHONUTF8: "1" } };
  return JSON.parse(execFileSync(cpython.executable, ["-I", child], options)) as Answer;
}

let module: Module;
beforeAll(async () => {
  const source = "def see(v): return repr(v)\ndef make(code): return eval(code)\ndef echo(v): return v";
  module = await load(source, { exports: ["see", "make", "echo"] });
});
afterAll(() => module.close());

/** What the guest sees of a text, or why it was refused. */
function seen(text: string): string {
  try {
    return JSON.parse(module.invokeSync("see", text)) as string;
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return `${code} ${message.replace(/^.*the payload is not JSON: /s, "")}`;
  }
}

/** Compares what a guest receives of texts with json.loads of them, refusals and their words included. */
function compareLoads(texts: string[]): void {
  const expected = ask<string[]>("loads", texts);
  const different = texts.flatMap((text, i) => {
    const got = seen(text);
    return got === expected[i]
      ? []
      : [{ text: text.slice(0, 200), got: got.slice(0, 200), expected: expected[i]!.slice(0, 200) }];
  });
  expect(different).toEqual([]);
}

/** A deterministic stream of numbers in [0, 1). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const HOSTILE = [
  "",
  " ",
  "\t\n\r 1 \t\n\r",
  "\u00a01",
  "\ufeff1",
  "\u000b1",
  "null",
  "true",
  "false",
  "nul",
  "nulll",
  "True",
  "NaN",
  "-NaN",
  "Infinity",
  "-Infinity",
  "inf",
  "0",
  "-0",
  "00",
  "01",
  "-01",
  "+1",
  "1.",
  ".5",
  "-.5",
  "1.e5",
  "1e",
  "1e+",
  "1e5",
  "1E+5",
  "1e-5",
  "-0.0",
  "0e0",
  "1_000",
  "0x10",
  "1e400",
  "-1e400",
  "1e-400",
  "4.9e-324",
  "2.2250738585072014e-308",
  "1.7976931348623157e308",
  "9007199254740993",
  "9007199254740993.0",
  "123456789012345678",
  "1234567890123456789",
  "-9223372036854775808",
  "9223372036854775808",
  "18446744073709551616",
  "1".repeat(400),
  "1".repeat(4300),
  "1".repeat(4301),
  `-${"9".repeat(5000)}`,
  `0.${"1".repeat(500)}`,
  `1${"0".repeat(400)}.5`,
  "0.1",
  "0.30000000000000004",
  "123456789012345.5",
  "1234567890123456.5",
  "99999999999999.99",
  "8.5e22",
  "1e22",
  "1e23",
  "[]",
  "[ ]",
  "[,]",
  "[1,]",
  "[1 2]",
  "[1",
  "[",
  "]",
  "[1]]",
  "{}",
  "{ }",
  "{,}",
  '{"a"}',
  '{"a":}',
  '{"a":1,}',
  '{"a":1 "b":2}',
  "{a:1}",
  "{'a':1}",
  '{"a":1',
  '{"a"',
  "{",
  '{"a":1}}',
  "{1:2}",
  '{"a":1,"a":2}',
  '{"a":1,"b":2,"a":3}',
  '{"":{"":""}}',
  '"',
  '"a',
  '"\\',
  '"\\"',
  '"\\x"',
  '"\\u"',
  '"\\u12"',
  '"\\u12g4"',
  '"\\u 123"',
  '"\\u+123"',
  '"\\u0000"',
  '"\u0000"',
  "\u0000",
  "1\u0000",
  '"a\nb"',
  '"a\tb"',
  '"\u007f"',
  '"\u0080"',
  '"\\/\\b\\f\\n\\r\\t\\"\\\\"',
  '"\\ud83d\\ude00"',
  '"\\ud83d"',
  '"\\ude00"',
  '"\\ude00\\ud83d"',
  '"\\ud83d\\ud83d\\ude00"',
  '"\\ud83d\\u0041"',
  '"\\ud83dx"',
  '"\\ud83d\\n"',
  '"\\ud83d\\u12"',
  '"\\ud83d\\uzzzz"',
  '"\\uD83D\\uDE00"',
  '"é"',
  '"日本語"',
  '"😀"',
  '"a😀\\n日"',
  '"é\\ud800"',
  '{"é":1}',
  '{"\\u0061":1,"a":2}',
  '{"\\ud800":1}',
  `"${"é".repeat(1000)}"`,
  `"${"a".repeat(100000)}"`,
  `"${"\\n".repeat(10000)}"`,
  "[1]x",
  "1 2",
  "// x\n1",
  "/**/1",
  "[1,/**/2]",
  '["a" "b"]',
  `${"[".repeat(300)}${"]".repeat(300)}`,
  `${"[".repeat(450)}${"]".repeat(450)}`,
  `${'{"a":'.repeat(450)}1${"}".repeat(450)}`,
  "[".repeat(450),
  `${"[".repeat(200000)}${"]".repeat(200000)}`,
  '{"a":'.repeat(200000),
  `{${Array.from({ length: 3000 }, (_, i) => `"key${i}":${i}`).join(",")}}`,
  `[${Array.from({ length: 3000 }, (_, i) => `"${"x".repeat(i % 60)}"`).join(",")}]`,
];

test("hostile texts are read, or refused, as json.loads does", () => {
  const limitOfRecursion = /RecursionError/;
  const texts = HOSTILE;
  const expected = ask<string[]>("loads", texts);
  for (const [i, text] of texts.entries()) {
    const got = seen(text);
    // Where the stack ends depends on the thread; that it ends with a RecursionError does not.
    if (limitOfRecursion.test(expected[i]!)) expect(got).toMatch(limitOfRecursion);
    else expect([text.slice(0, 100), got]).toEqual([text.slice(0, 100), expected[i]]);
  }
});

test("CPython's own test cases are read, or refused, in the same way", () => {
  compareLoads(ask<string[]>("own cases", []));
});

test("generated texts are read as json.loads reads them", () => {
  const next = random(1);
  const pick = <T>(items: readonly T[]) => items[Math.floor(next() * items.length)]!;
  const space = () => pick(["", "", "", " ", "\n", "\t "]);
  const text = (): string =>
    JSON.stringify(
      Array.from({ length: Math.floor(next() * 20) }, () =>
        pick([...'aB1 "\\/\u0001\n\u007fé\u2028日😀\ud800', "key", "longer text"]),
      ).join(""),
    );
  const number = () =>
    pick([
      () => String(Math.floor(next() * 1e6)),
      () => String(next() * 10 ** Math.floor(next() * 40 - 20)),
      () => `-${String(next()).slice(2)}`,
      () => `${Math.floor(next() * 1e9)}.${String(next()).slice(2)}`,
      () => `${next()}e${Math.floor(next() * 600 - 300)}`,
    ])();
  const value = (depth: number): string => {
    const kind = next() * (depth > 5 ? 3 : 5);
    if (kind < 1) return number();
    if (kind < 2) return text();
    if (kind < 3) return pick(["true", "false", "null"]);
    const members = Array.from(
      { length: Math.floor(next() * 6) },
      () => space() + (kind < 4 ? "" : `${text()}${space()}:${space()}`) + value(depth + 1) + space(),
    );
    return kind < 4 ? `[${members.join(",") || space()}]` : `{${members.join(",") || space()}}`;
  };
  compareLoads(Array.from({ length: 3000 }, () => space() + value(0) + space()));
});

test("damaged texts are refused in the words of json.loads", () => {
  const next = random(2);
  const whole = '{"a": [1, -2.5e3, "x\\u00e9\\n", true, null], "b": {"c": "日"}}';
  const damaged = Array.from({ length: 3000 }, () => {
    const at = Math.floor(next() * whole.length);
    const kind = next();
    if (kind < 0.3) return whole.slice(0, at);
    if (kind < 0.6) return whole.slice(0, at) + whole.slice(at + 1);
    return (
      whole.slice(0, at) +
      '{}[],:"\\0-.eEx\u0001é '.charAt(Math.floor(next() * 20)) +
      whole.slice(at + (kind < 0.8 ? 1 : 0))
    );
  });
  compareLoads(damaged);
});

const EXPRESSIONS = [
  "None",
  "True",
  "0",
  "-1",
  "2**63",
  "2**63-1",
  "-2**63",
  "-2**63-1",
  "2**200",
  "10**4299",
  "10**4300",
  "0.0",
  "-0.0",
  "0.1",
  "1e15",
  "1e16",
  "1e17",
  "123456789012345.0",
  "-1234567.0",
  "1e22",
  "1.5e-7",
  "5e-324",
  "1.7976931348623157e308",
  "0.1+0.2",
  "100.0",
  "1e-5",
  "0.0001",
  "float('nan')",
  "float('inf')",
  "[float('-inf')]",
  "''",
  "'a'",
  "'\\x00\\x1f\\x7f\\x80'",
  "'\"\\\\/'",
  "'\\b\\f\\n\\r\\t'",
  "'é日😀'",
  "'\\ud800'",
  "'\\ud83d\\ude00'",
  "'a\\udfffb'",
  "'\\u2028'",
  "'x' * 100000",
  "'é' * 1000",
  "'abcdefg\\n' * 10",
  "[]",
  "()",
  "{}",
  "[1, (2, [3])]",
  "(1,)",
  "{'a': 1, 'b': [None]}",
  "{1: 'a'}",
  "{1.5: 'a', True: 'b', None: 'c'}",
  "{False: 1}",
  "{2**70: 1}",
  "{float('nan'): 1}",
  "{(1,): 2}",
  "{b'x': 1}",
  "{'a': {1: {2: 3}}}",
  "{'1': 1, 1: 2}",
  "set()",
  "b'x'",
  "object()",
  "1j",
  "range(3)",
  "[1, {2}]",
  "{'a': object()}",
  "type('L', (list,), {})([1, 2])",
  "type('D', (dict,), {})(a=1)",
  "type('S', (str,), {})('x')",
  "type('I', (int,), {'__repr__': lambda s: 'x'})(5)",
  "type('F', (float,), {'__repr__': lambda s: 'x'})(2.5)",
  "__import__('collections').namedtuple('P', 'x y')(1, 2)",
  "__import__('collections').OrderedDict(b=1, a=2)",
  "__import__('collections').Counter('aab')",
  "__import__('enum').IntEnum('E', 'A B').B",
  "__import__('enum').StrEnum('E', 'A B').B",
  "__import__('decimal').Decimal('1.5')",
  "__import__('datetime').date(2020, 1, 1)",
  "(lambda a: a.append(a) or a)([])",
  "(lambda d: d.update(d=d) or d)({})",
  "__import__('functools').reduce(lambda a, _: [a], range(450), 1)",
  "__import__('functools').reduce(lambda a, _: {'a': a}, range(450), 1)",
  "__import__('functools').reduce(lambda a, _: [a], range(100000), 1)",
  "__import__('functools').reduce(lambda a, _: (a,), range(450), ())",
];

test("values are written, or refused, as json.dumps does", () => {
  const cases = EXPRESSIONS.map((expression) => {
    try {
      return [expression, module.invokeSync("make", JSON.stringify(expression)), null];
    } catch (error) {
      return [expression, null, (error as Error).message.replace(/^.*the result cannot be said in JSON: /s, "")];
    }
  });
  expect(ask<string[]>("dumps", cases)).toEqual([]);
});

test("every double and every character comes back as it went", () => {
  const next = random(3);
  const bytes = new DataView(new ArrayBuffer(8));
  const doubles = Array.from({ length: 5000 }, () => {
    bytes.setUint32(0, next() * 2 ** 32);
    bytes.setUint32(4, next() * 2 ** 32);
    return bytes.getFloat64(0);
  }).filter((double) => Number.isFinite(double));
  expect(JSON.parse(module.invokeSync("echo", JSON.stringify(doubles)))).toEqual(doubles);
  for (let plane = 0; plane < 0x110000; plane += 0x4000) {
    const points = Array.from({ length: 0x4000 }, (_, i) => String.fromCodePoint(plane + i));
    expect(JSON.parse(module.invokeSync("echo", JSON.stringify(points)))).toEqual(points);
    const text = points.join("");
    expect(JSON.parse(module.invokeSync("echo", JSON.stringify(text)))).toBe(text);
  }
});

test("texts of every length around the buffers' sizes come back whole", async () => {
  for (const character of ["a", "é", "日", "😀"]) {
    for (const size of [0, 1, 7, 8, 9, 32740, 32750, 32760, 32768, 40000, 1_100_000]) {
      const text = JSON.stringify(character.repeat(Math.ceil(size / Buffer.byteLength(character))));
      expect(module.invokeSync("echo", text)).toBe(text);
      expect(await module.invoke("echo", text)).toBe(text);
    }
  }
});

/** Texts above a mebibyte have the writer give its buffer back, and the next one is longer than that was. */
test("a long text that follows on a long one comes back whole", async () => {
  for (const length of [600_000, 1_300_000, 900_000, 16_000_000, 5]) {
    const text = JSON.stringify("x".repeat(length));
    expect((await module.invoke("echo", text)) === text).toBe(true);
    expect(module.invokeSync("echo", text) === text).toBe(true);
  }
});

test("keys by the ten thousand, of all lengths, are told apart", () => {
  const record = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`${"k".repeat(i % 50)}${i}`, i]));
  for (let i = 0; i < 3; i++) expect(JSON.parse(module.invokeSync("echo", JSON.stringify(record)))).toEqual(record);
});
