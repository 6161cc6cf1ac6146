// JSON values, and their text.

import { end } from "./abi";

export enum Kind {
  Null,
  Boolean,
  Number,
  Text,
  Array,
  Object,
}

/** A JSON value. What is asked of a value that has it not is `Json.null()`, an empty text, 0 or false. */
export class Json {
  kind: Kind = Kind.Null;
  boolean: bool = false;
  number: f64 = 0;
  text: string = "";
  /** Elements of an array, or the members of an object in the order of `keys`. */
  items: Array<Json> = [] as Json[];
  keys: Array<string> = [] as string[];

  static null(): Json {
    return new Json();
  }

  static of(text: string): Json {
    const json = new Json();
    json.kind = Kind.Text;
    json.text = text;
    return json;
  }

  static number(number: f64): Json {
    const json = new Json();
    json.kind = Kind.Number;
    json.number = number;
    return json;
  }

  static boolean(boolean: bool): Json {
    const json = new Json();
    json.kind = Kind.Boolean;
    json.boolean = boolean;
    return json;
  }

  static array(): Json {
    const json = new Json();
    json.kind = Kind.Array;
    return json;
  }

  static object(): Json {
    const json = new Json();
    json.kind = Kind.Object;
    return json;
  }

  get isNull(): bool {
    return this.kind == Kind.Null;
  }
  get isBoolean(): bool {
    return this.kind == Kind.Boolean;
  }
  get isNumber(): bool {
    return this.kind == Kind.Number;
  }
  get isText(): bool {
    return this.kind == Kind.Text;
  }
  get isArray(): bool {
    return this.kind == Kind.Array;
  }
  get isObject(): bool {
    return this.kind == Kind.Object;
  }

  /** A member of an object. */
  get(key: string): Json {
    const index = this.keys.indexOf(key);
    return index < 0 ? Json.null() : this.items[index];
  }

  has(key: string): bool {
    return this.keys.includes(key);
  }

  /** Elements of an array, or members of an object. */
  get length(): i32 {
    return this.items.length;
  }

  /** An element of an array. */
  at(index: i32): Json {
    return index >= 0 && index < this.items.length ? this.items[index] : Json.null();
  }

  /** Gives an object a member. Returns the object. */
  set(key: string, value: Json): Json {
    const index = this.keys.indexOf(key);
    if (index >= 0) {
      this.items[index] = value;
      return this;
    }
    this.keys.push(key);
    this.items.push(value);
    return this;
  }

  /** Puts a value at the end of an array. Returns the array. */
  push(value: Json): Json {
    this.items.push(value);
    return this;
  }

  /** JSON text. */
  toString(): string {
    const parts: string[] = [];
    write(this, parts);
    return parts.join("");
  }
}

function write(json: Json, parts: Array<string>): void {
  switch (json.kind) {
    case Kind.Null:
      parts.push("null");
      break;
    case Kind.Boolean:
      parts.push(json.boolean ? "true" : "false");
      break;
    case Kind.Number:
      parts.push(numberText(json.number));
      break;
    case Kind.Text:
      parts.push(quoted(json.text));
      break;
    default:
      writeMembers(json, parts);
  }
}

function writeMembers(json: Json, parts: Array<string>): void {
  const object = json.kind == Kind.Object;
  parts.push(object ? "{" : "[");
  for (let i = 0; i < json.items.length; i++) {
    if (i > 0) parts.push(",");
    if (object) {
      parts.push(quoted(json.keys[i]));
      parts.push(":");
    }
    write(json.items[i], parts);
  }
  parts.push(object ? "}" : "]");
}

/** A whole number without the ".0" that AssemblyScript writes; what JSON cannot say is null. */
function numberText(number: f64): string {
  if (!isFinite(number)) return "null";
  const text = number.toString();
  return text.endsWith(".0") ? text.substring(0, text.length - 2) : text;
}

const HEX = "0123456789abcdef";

function quoted(text: string): string {
  const parts: string[] = [];
  parts.push('"');
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x20 && unit != 0x22 && unit != 0x5c && (unit & 0xf800) != 0xd800) continue;
    if (isPair(text, i)) {
      i++;
      continue;
    }
    parts.push(text.substring(from, i));
    from = i + 1;
    if (unit == 0x22) parts.push('\\"');
    else if (unit == 0x5c) parts.push("\\\\");
    else if (unit == 0x0a) parts.push("\\n");
    else parts.push(escaped(unit));
  }
  parts.push(text.substring(from));
  parts.push('"');
  return parts.join("");
}

/** Half a pair alone has no UTF-8. */
function isPair(text: string, index: i32): bool {
  if ((text.charCodeAt(index) & 0xfc00) != 0xd800 || index + 1 >= text.length) return false;
  return (text.charCodeAt(index + 1) & 0xfc00) == 0xdc00;
}

function escaped(unit: i32): string {
  let digits = "";
  for (let shift = 12; shift >= 0; shift -= 4) digits += HEX.charAt((unit >> shift) & 15);
  return "\\u" + digits;
}

/** Levels that a value may be nested. */
const MAX_DEPTH: i32 = 512;

/** The value of a JSON text. Ends the call where it is none. */
export function parse(text: string): Json {
  const reader = new Reader(text);
  const value = reader.value();
  reader.space();
  if (reader.at < text.length) reader.wrong("there is more after the value");
  return value;
}

class Reader {
  at: i32 = 0;
  depth: i32 = 0;

  constructor(readonly text: string) {}

  wrong(problem: string): void {
    end("InputError", "the text is not JSON: " + problem + " at " + this.at.toString());
  }

  peek(): i32 {
    return this.at < this.text.length ? this.text.charCodeAt(this.at) : -1;
  }

  space(): void {
    for (let unit = this.peek(); unit == 0x20 || (unit >= 0x09 && unit <= 0x0d); unit = this.peek()) this.at++;
  }

  take(word: string): bool {
    if (!this.text.startsWith(word, this.at)) return false;
    this.at += word.length;
    return true;
  }

  value(): Json {
    this.space();
    const unit = this.peek();
    if (unit == 0x22) return Json.of(this.string());
    if (unit == 0x7b || unit == 0x5b) {
      if (++this.depth > MAX_DEPTH) this.wrong("it is nested too deep");
      const json = this.members(unit == 0x7b);
      this.depth--;
      return json;
    }
    if (this.take("null")) return Json.null();
    if (this.take("true")) return Json.boolean(true);
    if (this.take("false")) return Json.boolean(false);
    return this.numberValue();
  }

  members(object: bool): Json {
    const json = object ? Json.object() : Json.array();
    const close = object ? "}" : "]";
    this.at++;
    this.space();
    if (this.take(close)) return json;
    do {
      if (object) {
        this.space();
        if (this.peek() != 0x22) this.wrong("a key is missing");
        const key = this.string();
        this.space();
        if (!this.take(":")) this.wrong("a colon is missing");
        json.set(key, this.value());
      } else json.push(this.value());
      this.space();
    } while (this.take(","));
    if (!this.take(close)) this.wrong("a comma or a bracket is missing");
    return json;
  }

  digits(): bool {
    const from = this.at;
    for (let unit = this.peek(); unit >= 0x30 && unit <= 0x39; unit = this.peek()) this.at++;
    return this.at > from;
  }

  numberValue(): Json {
    const from = this.at;
    this.take("-");
    let good = this.take("0") || this.digits();
    if (good && this.take(".")) good = this.digits();
    if (good && (this.take("e") || this.take("E"))) {
      if (!this.take("+")) this.take("-");
      good = this.digits();
    }
    if (!good) this.wrong("a value is missing");
    return Json.number(parseFloat(this.text.substring(from, this.at)));
  }

  string(): string {
    const parts: string[] = [];
    let from = ++this.at;
    for (let unit = this.peek(); unit != 0x22; unit = this.peek()) {
      if (unit < 0x20) this.wrong(unit < 0 ? "a text has no end" : "a text has a control character");
      if (unit != 0x5c) {
        this.at++;
        continue;
      }
      parts.push(this.text.substring(from, this.at));
      this.at++;
      parts.push(this.escape());
      from = this.at;
    }
    parts.push(this.text.substring(from, this.at));
    this.at++;
    return parts.join("");
  }

  escape(): string {
    const unit = this.peek();
    this.at++;
    if (unit == 0x22 || unit == 0x5c || unit == 0x2f) return String.fromCharCode(unit);
    if (unit == 0x62) return "\b";
    if (unit == 0x66) return "\f";
    if (unit == 0x6e) return "\n";
    if (unit == 0x72) return "\r";
    if (unit == 0x74) return "\t";
    const digits = this.text.substring(this.at, this.at + 4);
    let code: i32 = 0;
    let good = unit == 0x75 && digits.length == 4;
    for (let i = 0; good && i < 4; i++) {
      const digit = HEX.indexOf(digits.charAt(i).toLowerCase());
      good = digit >= 0;
      code = code * 16 + digit;
    }
    if (!good) this.wrong("a text has an escape that is none of JSON");
    this.at += 4;
    return String.fromCharCode(code);
  }
}
