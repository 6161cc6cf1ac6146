import type { Module } from "extruntime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { answer, load } from "./guest.ts";

let echo: Module;
beforeAll(async () => {
  echo = await load("let calls = 0; function f(value) { calls++; return value } function count() { return calls }", {
    exports: ["f", "count"],
  });
});
afterAll(() => echo.close());

const NOT_JSON = [
  "",
  " ",
  "undefined",
  "NaN",
  "Infinity",
  "-",
  "+1",
  "01",
  "-01",
  "00",
  "1.",
  ".5",
  "1e",
  "1e+",
  "0x1",
  "0b1",
  "1_0",
  "1n",
  "'a'",
  "`a`",
  '"',
  '"a',
  '"\t"',
  '"\n"',
  '"\\x41"',
  '"\\u00G0"',
  '"\\u12"',
  '"\\0"',
  '"\\a"',
  "[",
  "]",
  "[1,]",
  "[,]",
  "[1 2]",
  "{",
  '{"a":1,}',
  "{a:1}",
  "{'a':1}",
  '{"a"}',
  '{"a" 1}',
  '{"a":}',
  "{,}",
  "//c\n1",
  "/*c*/1",
  "#1",
  "\u00a01",
  "\ufeff1",
  "\u20281",
  "\v1",
  "\f1",
  "1 2",
  "1,",
  "tru",
  "nul",
  "True",
  "\0",
  "1\0",
  '"a\0b"',
  "\0{}",
  "{}\0",
  "\ud800",
  "[\udc00]",
  "1;",
  "(1)",
  "new Date()",
  "[1]]",
  "{}}",
  '"\\ud800',
  '"\\\ud800"',
];

test.each(NOT_JSON.map((text) => [JSON.stringify(text), text]))(
  "%s is refused before the guest runs",
  async (_, text) => {
    expect(() => JSON.parse(text)).toThrow(SyntaxError);
    const before = await echo.invoke("count", "null");
    await expect(echo.invoke("f", text)).rejects.toMatchObject({ code: "ERR_EXT_BAD_PAYLOAD" });
    expect(await echo.invoke("count", "null")).toBe(before);
  },
);

const JSON_TEXTS = [
  "null",
  "true",
  "0",
  "-0",
  "1e400",
  "-1e400",
  "1E2",
  "9007199254740993",
  "123456789012345678901234567890",
  "1e-400",
  "0.1",
  "5e-324",
  "1.7976931348623157e308",
  '""',
  '"\\u0000"',
  '"\\ud800"',
  '"\ud800"',
  '"a\udc00b"',
  '{"\ud800":1}',
  '"\ud83d\ude00\udbff\udfff"',
  '"\u2028\u2029\ufeff\u007f\uffff"',
  '"\\"\\\\\\/\\b\\f\\n\\r\\t"',
  " \n\t\r[ 1 , 2 ] ",
  '{"__proto__":{"x":1},"constructor":2,"toString":3,"":4}',
  '{"a":1,"a":2}',
  '{"b":1,"2":2,"1":3,"a":4}',
  "[[],{},[[]]]",
];

test.each(JSON_TEXTS.map((text) => [JSON.stringify(text), text]))(
  "%s means the same as to JavaScript",
  async (_, text) => {
    expect(await echo.invoke("f", text)).toBe(JSON.stringify(JSON.parse(text)));
  },
);

test("every plane of Unicode arrives and returns", async () => {
  const points = Array.from({ length: 0x110 }, (_, index) =>
    String.fromCodePoint(index === 0xd8 ? 0xd7ff : index * 0x1000 < 0x110000 ? (index << 12) | 0x41 : 0x41),
  );
  const text = JSON.stringify(points.filter((char) => !/\p{Surrogate}/u.test(char)).join(""));
  expect(await echo.invoke("f", text)).toBe(text);
});

test("ten megabytes arrive and return, in one byte and in more than one", async () => {
  for (const char of ["a", "é", "\u{1f600}"]) {
    const text = JSON.stringify(char.repeat(10_000_000 / Buffer.byteLength(char)));
    expect((await echo.invoke("f", text)) === text).toBe(true);
  }
});

test("a __proto__ key of a payload is a key and nothing more", async () => {
  const source =
    "function f(value) { return [Object.getPrototypeOf(value) === Object.prototype, value.x === undefined, Object.keys(value)] }";
  expect(await answer(source, '{"__proto__":{"x":1}}')).toBe('[true,true,["__proto__"]]');
});

describe("results", () => {
  test.each([
    ["nothing", "", "null"],
    ["undefined", "undefined", "null"],
    ["NaN", "NaN", "null"],
    ["a date", "new Date(0)", '"1970-01-01T00:00:00.000Z"'],
    ["toJSON", "({ toJSON(key) { return [key, 1] } })", '["",1]'],
    [
      "fields without a JSON form",
      "({ a: undefined, b() {}, c: Symbol('s'), d: [undefined, () => 1] })",
      '{"d":[null,null]}',
    ],
    ["a lone surrogate", "'\\ud800'", '"\\ud800"'],
    ["NUL", "'a\\0b'", '"a\\u0000b"'],
    ["a map", "new Map([[1, 2]])", "{}"],
    ["boxed primitives", "[Object(1), Object('s'), Object(true)]", '[1,"s",true]'],
  ])("%s", async (_, expression, json) => {
    expect(await answer(`function f() { return ${expression} }`)).toBe(json);
    expect(await answer(`async function f() { return ${expression} }`)).toBe(json);
  });

  test.each([
    ["a function", "() => 1", "it is a function"],
    ["a symbol", "Symbol('s')", "it is a symbol"],
    ["a BigInt", "1n", "BigInt"],
    ["a circle", "(() => { const a = {}; a.a = a; return a })()", "circular"],
    ["a getter that throws", "({ get a() { throw new RangeError('from the getter') } })", "from the getter"],
    ["a proxy that throws", "new Proxy({}, { ownKeys() { throw new Error('from the trap') } })", "from the trap"],
  ])("%s is a bad result, with the guest's own words", async (_, expression, words) => {
    for (const head of ["function", "async function"])
      await expect(answer(`${head} f() { return (${expression}) }`)).rejects.toMatchObject({
        code: "ERR_EXT_BAD_RESULT",
        message: expect.stringContaining(words),
        cause: { code: "ERR_EXT_GUEST" },
      });
  });

  test("the cause of a bad result is the guest's own TypeError", async () => {
    await expect(answer("function f() { return 1n }")).rejects.toMatchObject({
      cause: { guest: { name: "TypeError" } },
    });
  });
});
