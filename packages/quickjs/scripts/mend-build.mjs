/**
 * Mends what is wrong for us in the released build of QuickJS, in its text as `wasm-dis` prints it. Each mend finds its
 * place by what is particular to it, and throws where it does not find exactly one: a new version needs a new look.
 */

/** @param {string} text @returns {string} */
export function mendBuild(text) {
  const parts = text.split(/(?=^ \(func )/m);
  mendForOf(parts);
  boundJsonDepth(parts, "json_parse_value", EXPECTING_PROPERTY_NAME);
  boundJsonDepth(parts, "js_json_to_str", CIRCULAR_REFERENCE);
  return parts.join("");
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
