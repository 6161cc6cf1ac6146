import { getNodeValue, type Node, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";
import { type Range, rangeAt } from "../terminal/code-frame.ts";

/** A path into a JSON value. */
export type JsonPath = readonly (string | number)[];

/** What is wrong with a text, or with a value in it, and where. */
export interface JsonFault extends Range {
  readonly message: string;
}

/** Faults of one kind that are told: who has more mends these first. */
const MOST_FAULTS = 1000;

/** JSON text with the places of its values. */
export class JsonText {
  readonly text: string;
  /** The value, as far as it can be told where the text has faults. */
  readonly value: unknown;
  /** Where the text is no JSON, and names that one object has twice. */
  readonly faults: readonly JsonFault[];
  readonly #root: Node | undefined;

  constructor(text: string) {
    // A mark of the byte order is part of the first line for no editor.
    this.text = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
    const errors: ParseError[] = [];
    this.#root = parseTree(this.text, errors, { disallowComments: true, allowTrailingComma: false });
    this.value = this.#root === undefined ? undefined : getNodeValue(this.#root);
    this.faults = [
      ...errors
        .filter(isFirst)
        .slice(0, MOST_FAULTS)
        .map((error) => this.#syntaxFault(error)),
      ...(errors.length === 0 ? this.#strictFault() : []),
      ...this.#duplicates(),
    ];
  }

  /** Whether there is a value at a path. */
  has(path: JsonPath): boolean {
    return this.#find(path) !== undefined;
  }

  /** The range of the value at a path, or of the opening bracket of the nearest one around it; of its key with `key`. */
  rangeOf(path: JsonPath, key = false): Range {
    const node = this.#find(path);
    if (node !== undefined) {
      const shown = key && node.parent?.type === "property" ? node.parent.children![0]! : node;
      const whole = path.length === 0 || (shown.type !== "string" && shown.length > 80);
      return rangeAt(this.text, shown.offset, whole ? 1 : shown.length);
    }
    return path.length === 0 ? rangeAt(this.text, 0, 0) : this.#opening(path.slice(0, -1));
  }

  #opening(path: JsonPath): Range {
    const node = this.#find(path);
    if (node !== undefined) return rangeAt(this.text, node.offset, 1);
    return path.length === 0 ? rangeAt(this.text, 0, 0) : this.#opening(path.slice(0, -1));
  }

  /** Of a name that is there twice the last one counts, as for `JSON.parse`. */
  #find(path: JsonPath): Node | undefined {
    let node = this.#root;
    for (const step of path) {
      if (node === undefined) return undefined;
      if (node.type === "array") node = typeof step === "number" ? node.children?.[step] : undefined;
      else node = node.children?.findLast((each) => each.children?.[0]?.value === step)?.children?.[1];
    }
    return node;
  }

  #syntaxFault({ error, offset, length }: ParseError): JsonFault {
    const name = printParseErrorCode(error);
    const before = this.text.slice(0, offset).trimEnd();
    const closes = /[}\]]/.test(this.text[offset] ?? "");
    if (closes && before.endsWith(",") && ["PropertyNameExpected", "ValueExpected"].includes(name))
      return {
        ...rangeAt(this.text, before.length - 1, 1),
        message: "this comma is one too many: JSON has none after the last value",
      };
    return { ...rangeAt(this.text, offset, length), message: SYNTAX[name] ?? "this is not JSON" };
  }

  /** What the parser that counts takes for wrong, and the one with places does not. */
  #strictFault(): JsonFault[] {
    try {
      JSON.parse(this.text);
      return [];
    } catch (error) {
      const { message } = error as Error;
      const at = Number(/position (\d+)/.exec(message)?.[1] ?? 0);
      return [{ ...rangeAt(this.text, at, 1), message: `this is not JSON: ${message}` }];
    }
  }

  #duplicates(): JsonFault[] {
    const found: JsonFault[] = [];
    const open = this.#root === undefined ? [] : [this.#root];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      const first = new Map<unknown, number>();
      for (const child of node.children ?? []) {
        open.push(child);
        const key = node.type === "object" ? child.children?.[0] : undefined;
        if (key === undefined) continue;
        const before = first.get(key.value);
        if (before === undefined) first.set(key.value, key.offset);
        else if (found.length < MOST_FAULTS)
          found.push({
            ...rangeAt(this.text, key.offset, key.length),
            message: `${JSON.stringify(key.value)} is there twice in one object; first at line ${rangeAt(this.text, before, 0).line}`,
          });
      }
    }
    return found;
  }
}

/** The parser tells some faults once more by what follows of them. */
function isFirst({ offset, length }: ParseError, index: number, errors: readonly ParseError[]): boolean {
  const before = errors[index - 1];
  if (before === undefined) return true;
  return offset !== before.offset && (length > 1 || offset !== before.offset + before.length);
}

/** By the parser's own names. */
const SYNTAX: Readonly<Partial<Record<string, string>>> = {
  InvalidSymbol: "this is no JSON value: a text is in double quotes, and the words are true, false and null",
  InvalidNumberFormat: "this is no number of JSON",
  PropertyNameExpected: "a key is missing here: a name in double quotes",
  ValueExpected: "a value is missing here",
  ColonExpected: "a colon is missing before this",
  CommaExpected: "a comma is missing before this",
  CloseBraceExpected: "a closing brace is missing here",
  CloseBracketExpected: "a closing bracket is missing here",
  EndOfFileExpected: "the text must end here: it holds one JSON value",
  InvalidCommentToken: "JSON has no comments",
  UnexpectedEndOfComment: "JSON has no comments",
  UnexpectedEndOfString: "this text has no closing quote",
  UnexpectedEndOfNumber: "this number has no end",
  InvalidUnicode: "this is no escape of a character: \\u is followed by four hexadecimal digits",
  InvalidEscapeCharacter: "this is no escape of JSON",
  InvalidCharacter: "this character is written as an escape in JSON, such as \\n or \\t",
};
