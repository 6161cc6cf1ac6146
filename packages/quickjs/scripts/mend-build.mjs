/**
 * Mends what is wrong for us in the released build of QuickJS, in its text as `wasm-dis` prints it. Each mend finds its
 * place by what is particular to it, and throws where it does not find exactly one: a new version needs a new look.
 */

/** @param {string} text @returns {string} */
export function mendBuild(text) {
  const parts = text.split(/(?=^ \(func )/m);
  mendForOf(parts);
  mendForOfTarget(parts);
  mendForAwait(parts);
  boundJsonDepth(parts, "json_parse_value", EXPECTING_PROPERTY_NAME);
  boundJsonDepth(parts, "js_json_to_str", CIRCULAR_REFERENCE);
  pollOften(parts);
  return openState(parts.join(""));
}

/** Globals by which a host puts an instance back as it was: the stack pointer, and the pages that the code takes its memory to have. */
export const STATE_EXPORTS = { stack: "extruntime: stack", pages: "extruntime: pages" };

/**
 * A memory never shrinks, so what has grown could not be taken back from a guest. The code is told a size of the host's choice in its place: its
 * allocator asks the host where it wants more.
 */
function openState(text) {
  const [stack, size] = [/^ \(global \$global\$0 \(mut i32\) .*$/m, /\(memory\.size\s*\)/g];
  if (!stack.test(text) || text.match(size)?.length !== 1)
    throw new Error(
      "the stack pointer or the one memory.size was not found in the build of QuickJS; is its version another one?",
    );
  return text
    .replace(size, "(global.get $pages)")
    .replace(
      stack,
      (global) =>
        `${global}\n (global $pages (mut i32) (i32.const 0))\n (export "${STATE_EXPORTS.stack}" (global $global$0))\n (export "${STATE_EXPORTS.pages}" (global $pages))`,
    );
}

/** JS_INTERRUPT_COUNTER_INIT, the steps between two looks of the interpreter at its deadline, where the counter is set. */
const POLLS = /(\(i32\.store offset=\d+\s+\(local\.get \$\d+\)\s+)\(i32\.const 10000\)/g;
const STEPS_BETWEEN_POLLS = 250;

/**
 * A step that is a builtin's call may take a millisecond. Stopped between two steps, a guest loses nothing but its call; within a builtin the memory with all
 * that lives in it.
 */
function pollOften(parts) {
  const count = parts.reduce((all, part) => all + (part.match(POLLS)?.length ?? 0), 0);
  if (count !== 3)
    throw new Error(`the counter of steps is set ${count} times in the build of QuickJS; is its version another one?`);
  for (const [index, part] of parts.entries())
    parts[index] = part.replace(POLLS, `$1(i32.const ${STEPS_BETWEEN_POLLS})`);
}

/** `break_entry.has_iterator = TRUE; break_entry.drop_count += 2;`, behind `token_is_pseudo_keyword(s, JS_ATOM_of)`. */
const MARK =
  /\(if \(local\.tee (\$\d+) \(call \$\d+ \(local\.get \$\d+\) \(i32\.const 71\) \) \) \(then (\(i32\.store8 offset=108 \(local\.get \$3\) \(i32\.or \(i32\.load8_u offset=108 \(local\.get \$3\) \) \(i32\.const 1\) \) \)) \(i32\.store offset=96 /;
/** `close_scopes(s, s->cur_func->scope_level, block_scope_level)`, and after it the instruction that starts the loop. */
const START =
  /\(call \$\d+ \(local\.get \$\d+\) \(i32\.load offset=188 \(i32\.load offset=52 \(local\.get \$\d+\) \) \) \(local\.get \$\d+\) \) \(call \$\d+ \(i32\.load offset=52 \(local\.get \$\d+\) \) \(select \(select \(i32\.const 123\) \(i32\.const 124\) /;

/**
 * `for (const c of yield t) {}` is refused with "stack underflow". `js_parse_for_in_of` marks its loop as one that has an
 * iterator as soon as it has read `of`, before the iterated expression. A `yield` in there compiles to code that closes the
 * iterators of all loops around it should the generator be told to return, this loop's included, which is not on the stack
 * yet. Mended, the mark is set after the expression, where the iterator is made.
 */
function mendForOf(parts) {
  const index = onlyOne(parts, "js_parse_for_in_of", (code) => MARK.test(code) && START.test(code));
  const code = onOneLine(parts[index]);
  const [whole, isForOf, mark] = MARK.exec(code);
  parts[index] = code
    .replace(whole, () => whole.replace(mark, ""))
    .replace(START, (start) => `(if (local.get ${isForOf}) (then ${mark} ) ) ${start}`);
}

/** `push_break_entry(…)` of the loop, its `has_iterator` included, before anything of the loop's head is read. */
const PUSHED =
  /\(i64\.store offset=96 align=4 \(local\.get \$3\) \(i64\.const -4294967295\) \) .{0,300}?\(i32\.store8 offset=108 \(local\.get \$3\) \(i32\.and \(i32\.load8_u offset=108 \(local\.get \$3\) \) \(i32\.const 252\) \) \)/;
const OF = /\(if \(local\.tee \$\d+ \(call \$\d+ \(local\.get \$0\) \(i32\.const 71\) \) \) \(then /;

/**
 * A generator that is told to return at a `yield` in what a loop assigns to, as in `for (const [a = yield] of list)`, did not close the
 * loop's iterator, and with a `finally` around it did not load ("inconsistent stack size"). That code is compiled before `of` is read,
 * and so before the loop is known to have an iterator, which is on the stack when it runs. Mended, the head is looked through first.
 */
function mendForOfTarget(parts) {
  const index = onlyOne(parts, "js_parse_for_in_of", (code) => PUSHED.test(code) && OF.test(code) && START.test(code));
  const flag = (how) =>
    `(i32.store8 offset=108 (local.get $3) (${how[0]} (i32.load8_u offset=108 (local.get $3) ) (i32.const ${how[1]}) ) )`;
  parts[index] =
    IS_FOR_OF +
    onOneLine(parts[index])
      .replace(
        PUSHED,
        (it) => `${it} (if (call $isForOf (i32.load offset=12 (local.get $0) ) ) (then ${flag(["i32.or", 1])} ) )`,
      )
      .replace(OF, (it) => `${flag(["i32.and", 254])} ${it}`);
}

/**
 * Whether the head of a loop, given from its first token on, has an `of` that is not the first name in it, outside of all brackets and before an `in`.
 * Comments and strings are passed over. Expressions stand in brackets, or before a dot.
 */
const IS_FOR_OF = ` (func $isForOf (param $at i32) (result i32)
  (local $c i32) (local $end i32) (local $depth i32) (local $seen i32) (local $dot i32) (local $length i32)
  (loop $next
    (local.set $c (i32.load8_u (local.get $at)))
    (if (i32.eqz (local.get $c)) (then (return (i32.const 0))))
    (local.set $end (i32.add (local.get $at) (i32.const 1)))
    (block $done
      (br_if $done (i32.le_u (local.get $c) (i32.const 32)))
      (if (i32.eq (local.get $c) (i32.const 47)) (then
        (local.set $length (i32.load8_u (local.get $end)))
        (if (i32.eq (local.get $length) (i32.const 47)) (then
          (loop $line
            (local.set $end (i32.add (local.get $end) (i32.const 1)))
            (local.set $c (i32.load8_u (local.get $end)))
            (br_if $line (i32.and (i32.ne (local.get $c) (i32.const 0)) (i32.and (i32.ne (local.get $c) (i32.const 10)) (i32.ne (local.get $c) (i32.const 13))))))
          (br $done)))
        (if (i32.eq (local.get $length) (i32.const 42)) (then
          (loop $comment
            (local.set $end (i32.add (local.get $end) (i32.const 1)))
            (local.set $c (i32.load8_u (local.get $end)))
            (br_if $done (i32.eqz (local.get $c)))
            (br_if $comment (i32.or (i32.ne (local.get $c) (i32.const 42)) (i32.ne (i32.load8_u offset=1 (local.get $end)) (i32.const 47)))))
          (local.set $end (i32.add (local.get $end) (i32.const 2)))
          (br $done)))))
      (if (i32.or (i32.eq (local.get $c) (i32.const 34)) (i32.or (i32.eq (local.get $c) (i32.const 39)) (i32.eq (local.get $c) (i32.const 96)))) (then
        (block $closed
          (loop $string
            (local.set $length (i32.load8_u (local.get $end)))
            (br_if $closed (i32.eqz (local.get $length)))
            (local.set $end (i32.add (local.get $end) (i32.const 1)))
            (br_if $closed (i32.eq (local.get $length) (local.get $c)))
            (if (i32.and (i32.eq (local.get $length) (i32.const 92)) (i32.ne (i32.load8_u (local.get $end)) (i32.const 0)))
              (then (local.set $end (i32.add (local.get $end) (i32.const 1)))))
            (br $string)))
        (br $done)))
      (if (i32.or (i32.eq (local.get $c) (i32.const 40)) (i32.or (i32.eq (local.get $c) (i32.const 91)) (i32.eq (local.get $c) (i32.const 123)))) (then
        (local.set $depth (i32.add (local.get $depth) (i32.const 1)))
        (local.set $seen (i32.const 1))
        (br $done)))
      (if (i32.or (i32.eq (local.get $c) (i32.const 41)) (i32.or (i32.eq (local.get $c) (i32.const 93)) (i32.eq (local.get $c) (i32.const 125)))) (then
        (if (i32.eqz (local.get $depth)) (then (return (i32.const 0))))
        (local.set $depth (i32.sub (local.get $depth) (i32.const 1)))
        (br $done)))
      (if (i32.eq (local.get $c) (i32.const 46)) (then (local.set $dot (i32.const 1)) (br $done)))
      (br_if $done (i32.eqz (call $isOfName (local.get $c))))
      (loop $word
        (if (call $isOfName (i32.load8_u (local.get $end)))
          (then (local.set $end (i32.add (local.get $end) (i32.const 1))) (br $word))))
      (local.set $length (i32.sub (local.get $end) (local.get $at)))
      (if (i32.eqz (i32.or (local.get $depth) (local.get $dot))) (then
        (if (i32.eq (local.get $length) (i32.const 2)) (then
          (if (i32.and (local.get $seen) (i32.eq (i32.load16_u align=1 (local.get $at)) (i32.const 26223))) (then (return (i32.const 1))))
          (if (i32.eq (i32.load16_u align=1 (local.get $at)) (i32.const 28265)) (then (return (i32.const 0))))))
        (br_if $done (i32.and (i32.eqz (local.get $seen)) (i32.or
          (i32.and (i32.eq (local.get $length) (i32.const 5)) (i32.eq (i32.load align=1 (local.get $at)) (i32.const 1936617315)))
          (i32.and (i32.eq (local.get $length) (i32.const 3)) (i32.or
            (i32.eq (i32.and (i32.load align=1 (local.get $at)) (i32.const 16777215)) (i32.const 7628140))
            (i32.eq (i32.and (i32.load align=1 (local.get $at)) (i32.const 16777215)) (i32.const 7496054)))))))))
      (local.set $dot (i32.const 0))
      (local.set $seen (i32.const 1)))
    (local.set $at (local.get $end))
    (br $next))
  (unreachable))
 (func $isOfName (param $c i32) (result i32)
  (i32.or (i32.or (i32.ge_u (local.get $c) (i32.const 128)) (i32.or (i32.eq (local.get $c) (i32.const 36)) (i32.eq (local.get $c) (i32.const 95))))
    (i32.or (i32.lt_u (i32.sub (local.get $c) (i32.const 48)) (i32.const 10)) (i32.lt_u (i32.sub (i32.or (local.get $c) (i32.const 32)) (i32.const 97)) (i32.const 26)))))
`;

/** Of the instruction `iterator_get_value_done`: the result is freed, and `done` is pushed. The iterator lies four below. */
const VALUE_DONE =
  /\(call (\$\d+) \(local\.get (\$\d+)\) \(local\.get \$\d+\) \) (?=\(i64\.store \(i32\.sub \(local\.get (\$\d+)\) \(i32\.const 16\) \) \(i64\.const 21474836480\) \) \(i64\.store \(local\.get \$\d+\) \(local\.get \$\d+\) \) \(i64\.store \(local\.get \$\d+\) \(i64\.or \(i64\.extend_i32_u \(i32\.ne (\(i32\.load offset=\d+ \(local\.get \$\d+\) \)) \(i32\.const 0\) \) \))/;
const UNDEFINED = "(i64.const 12884901888)";

/** A `for await` that came to its end called `return` of an iterator that was done. Mended, that is forgotten then, as a `for` of other iterators does it. */
function mendForAwait(parts) {
  const index = onlyOne(parts, "JS_CallInternal", (code) => VALUE_DONE.test(code));
  parts[index] = onOneLine(parts[index]).replace(VALUE_DONE, (it, free, context, stack, done) => {
    const iterator = `(i32.sub (local.get ${stack}) (i32.const 32) )`;
    const forget = `(call ${free} (local.get ${context}) (i64.load ${iterator} ) ) (i64.store ${iterator} ${UNDEFINED} )`;
    return `${it} (if ${done} (then ${forget} ) ) `;
  });
}

/** Addresses of texts in the build's data. */
const EXPECTING_PROPERTY_NAME = 14_970;
const CIRCULAR_REFERENCE = 16_695;

const FRAME =
  /^( \(func \$\d+ [^;]*?\(global\.set \$global\$0 \(local\.tee (\$\d+) \(i32\.sub \(global\.get \$global\$0\) \(i32\.const )16\)/;
/** Bytes; 128 KiB are 2,730 levels then. In V8 4,000 levels take all of the stack of a thread that Node starts with. */
const FRAME_BYTES = 48;

/**
 * QuickJS bounds recursion by the size of its own stack, of which a level of JSON takes 16 bytes and some fifteen times as
 * many of V8's. So V8's ended first, which loses the memory and all that lives in it. With larger frames QuickJS's own ends
 * first, which is an error like others.
 */
function boundJsonDepth(parts, name, textInIt) {
  const index = onlyOne(parts, name, (code) => code.includes(`(i32.const ${textInIt})`) && FRAME.test(code));
  const code = onOneLine(parts[index]);
  const [, , frame] = FRAME.exec(code);
  const end = `(global.set $global$0 (i32.add (local.get ${frame}) (i32.const 16) ) )`;
  if (!code.includes(end)) throw new Error(`${name} does not free its frame as it did`);
  parts[index] = code
    .replace(FRAME, (_, start) => `${start}${FRAME_BYTES})`)
    .replaceAll(end, end.replace("16", FRAME_BYTES));
}

function onlyOne(parts, name, isIt) {
  const found = parts.flatMap((part, index) => (isIt(onOneLine(part)) ? [index] : []));
  if (found.length === 1) return found[0];
  throw new Error(`${name} was found ${found.length} times in the build of QuickJS; is its version another one?`);
}

function onOneLine(part) {
  return ` ${part.replace(/\s+/g, " ").trimStart()}`;
}
