import {
  type HostileGuest,
  hostileAnswersAt,
  hostileAnswersTest,
} from "../../../fixtures/hostile-answers/hostile-answers.ts";
import { ALLOCATOR, assemble, guestFunction } from "./guests.ts";

/** A text of two parts, each a unit so many times. A `#` run of eight in a unit is the number of the time, in hexadecimal digits. */
interface Text {
  readonly open?: string;
  readonly unit: string;
  readonly count: number;
  readonly middle?: string;
  readonly last?: string;
  readonly lastCount?: number;
  readonly close?: string;
}

const START = 65_536;
const TEXTS = 8192;

/** A guest whose `prepare` writes the text, and whose `answer` answers with it as it is: no language of its own says what it may be. */
function answering({ open = "", unit, count, middle = "", last = "", lastCount = 0, close = "" }: Text): Uint8Array {
  const parts = [open, unit, middle, last, close];
  const at = parts.map((_, index) => TEXTS + parts.slice(0, index).join("").length);
  const size = open.length + unit.length * count + middle.length + last.length * lastCount + close.length;
  const pages = Math.ceil((START + size) / 65_536) + 1;
  const data = parts.map(
    (part, index) =>
      `(data (i32.const ${at[index]}) ${JSON.stringify(part).replaceAll("\\\\", "\\5c").replaceAll('\\"', "\\22")})`,
  );
  const put = (index: number) => `(call $put (i32.const ${at[index]}) (i32.const ${parts[index]!.length}))`;
  const hash = unit.indexOf("########");
  const number =
    hash < 0 ? "" : `(call $hex (i32.sub (global.get $to) (i32.const ${unit.length - hash})) (local.get $i))`;
  const repeat = (index: number, times: number, more = "") =>
    times === 0
      ? ""
      : `(local.set $i (i32.const 0)) (loop $more ${put(index)} ${more}
          (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const ${times}))))`;
  return assemble(`(module (memory (export "memory") ${pages}) ${ALLOCATOR}
    (global $to (mut i32) (i32.const ${START}))
    ${data.join(" ")}
    (func $put (param $from i32) (param $length i32)
      (memory.copy (global.get $to) (local.get $from) (local.get $length))
      (global.set $to (i32.add (global.get $to) (local.get $length))))
    (func $hex (param $at i32) (param $value i32) (local $digit i32) (local $left i32)
      (local.set $left (i32.const 8))
      (loop $more
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (local.set $digit (i32.and (local.get $value) (i32.const 15)))
        (i32.store8 (i32.add (local.get $at) (local.get $left))
          (i32.add (i32.const 48) (i32.add (local.get $digit) (i32.mul (i32.const 39) (i32.gt_u (local.get $digit) (i32.const 9))))))
        (local.set $value (i32.shr_u (local.get $value) (i32.const 4)))
        (br_if $more (local.get $left))))
    (func (export "prepare") (param $pointer i32) (param $length i32) (result i64) (local $i i32)
      ${put(0)} ${repeat(1, count, number)} ${put(2)} ${repeat(3, lastCount)} ${put(4)}
      (call $number (i32.const 1)))
    ${guestFunction("answer", `(global.set $live (i32.add (global.get $live) (i32.const 1))) (call $packed (i32.const ${START}) (i32.const ${size}))`)})`);
}

const ANSWERED = /^answered$/;
const TOO_MUCH = /^ERR_EXT_BAD_RESULT$/;

/** Of 24 MB, where nothing else is said: more than a result may have; the others are as long, or as many, as may be. */
const list = (unit: string, count: number): Text => ({ open: "[", unit: `${unit},`, count, close: "0]" });
const texts: [name: string, text: Text, outcome: RegExp][] = [
  ["24 MB of empty objects", list("{}", 8e6), TOO_MUCH],
  ["12 MB of empty objects", list("{}", 4e6), TOO_MUCH],
  ["as many empty objects as may be", list("{}", 499_998), ANSWERED],
  ["lists in lists, 16 MB deep", { unit: "[", count: 8e6, last: "]", lastCount: 8e6 }, TOO_MUCH],
  ["lists in lists without an end", { unit: "[", count: 16e6 }, TOO_MUCH],
  ["objects in objects", { unit: '{"a":', count: 2e6, middle: "1", last: "}", lastCount: 2e6 }, TOO_MUCH],
  ["escapes of NUL", { open: '"', unit: "\\u0000", count: 2.7e6, close: '"' }, ANSWERED],
  ["escapes of wide characters", { open: '"', unit: "\\u4e00", count: 2.7e6, close: '"' }, ANSWERED],
  ["a number of 16 MB", { unit: "9", count: 16e6 }, ANSWERED],
  ["a fraction of 16 MB", { open: "0.", unit: "1", count: 16e6 }, ANSWERED],
  ["as many long numbers as fit", list("1.2345678901234567e-200", 499_998), ANSWERED],
  ["a million names", { open: "{", unit: '"k########":1,', count: 1e6, close: '"z":1}' }, TOO_MUCH],
  ["as many names as may be", { open: "{", unit: '"k########":1,', count: 249_998, close: '"z":1}' }, ANSWERED],
  ["as many indices as may be", { open: "{", unit: '"1########":1,', count: 249_998, close: '"z":1}' }, ANSWERED],
  ["as many shapes as may be", list('{"k########":1}', 166_600), ANSWERED],
  ["as many shapes of two names as may be", list('{"a########":0,"b":{}}', 99_999), ANSWERED],
  ["long names", { open: "{", unit: `"${"k".repeat(60)}########":1,`, count: 200_000, close: '"z":1}' }, ANSWERED],
  ["as many strings as may be", list('"s########"', 499_998), ANSWERED],
  ["white space", { unit: " ", count: 16e6, close: "1" }, ANSWERED],
  ["a string without an end", { unit: '"\\\\', count: 5e6 }, TOO_MUCH],
];

const guests: HostileGuest[] = texts.map(([name, text, outcome]) => ({
  name,
  outcome,
  manifest: { name: "hostile", runtime: "wasm", module: "guest.wasm", exports: ["prepare", "answer"] },
  files: { "guest.wasm": answering(text) },
  prepare: 1,
  call: ["answer"],
}));

for (const placement of hostileAnswersAt(["inline", "thread", "process"] as const))
  hostileAnswersTest(
    placement,
    { url: new URL("../dist/index.js", import.meta.url), factory: "wasm", options: { placement } },
    guests,
  );
