import { STRANGE_TEXTS, STRANGE_VALUES } from "../../values/strange-values.ts";

/** What one language or another ends a line with. */
const LINE_ENDS = ["\n", "\r", "\v", "\f", "\u001c", "\u001d", "\u001e", "\u0085", "\u2028", "\u2029"];

/** As extensions are called. */
const STOCK_NAMES = ["validate-email", "score", "transform", "Price_2", "webhook", "tax", "normalise", "render"];

/** Characters of the stock of long texts that are made at a time. */
const STOCK = 65_536;

/**
 * Values of which no two are the same, so that an answer to another call is known for one. Among them are all the strange ones, and of each size some.
 * Who knows the kit does not know them: they are others in each run.
 */
export class FreshValues {
  readonly seed: number;
  #state: number;
  #count = 0;
  /** What long texts are cut from. */
  #stock = "";

  constructor(seed = givenSeed()) {
    this.seed = seed;
    this.#state = seed;
  }

  /** JSON text of a value; of about `length` characters more where that is given. A number of two digits where it is below 0. */
  json(length = 0): string {
    if (length < 0) return this.#digits();
    const strange = STRANGE_VALUES[this.#count % STRANGE_VALUES.length]!;
    const id = this.#id();
    const padding = length > 0 ? `,"long":${JSON.stringify(this.long(length))}` : "";
    switch (this.below(5)) {
      case 0:
        return `[${strange},"${id}",${this.#number()}${padding === "" ? "" : `,{${padding.slice(1)}}`}]`;
      case 1:
        return `{"id":"${id}","is":${strange},"n":${this.#number()}${padding}}`;
      case 3:
        return `{${JSON.stringify(`${STRANGE_TEXTS[this.#count % STRANGE_TEXTS.length]}`)}:"${id}","n${id}":${this.#number()}${padding}}`;
      case 2:
        return `{"n":${this.#number()},"of":[{"is":${strange}},"${id}"]${padding}}`;
      default:
        return `[{"${id}":${strange}},${this.#number()}${padding === "" ? "" : `,{${padding.slice(1)}}`}]`;
    }
  }

  /** A text with a strange one in it. Two digits where `length` is below 0. */
  text(length = 0): string {
    if (length < 0) return this.#digits();
    const strange = STRANGE_TEXTS[this.#count % STRANGE_TEXTS.length]!;
    const id = this.#id();
    return length > 0
      ? `${id} ${strange}${this.long(length)}`
      : this.below(2) === 0
        ? `${id}${strange}`
        : `${strange}${id}`;
  }

  /** Of an extension. */
  name(): string {
    const at = this.below(36 ** 4).toString(36);
    const forms = [
      `${at}-${this.#count++}`,
      `x${at}_${this.#count++}`,
      `${STOCK_NAMES[this.below(STOCK_NAMES.length)]}-${at}`,
    ];
    return forms[this.below(forms.length)]!;
  }

  /** One line of it, as a logger gets one. */
  line(length = 0): string {
    return LINE_ENDS.reduce((text, end) => text.replaceAll(end, "|"), this.text(length));
  }

  /** A text that is nowhere like itself elsewhere, so that pieces in another order are seen. */
  long(length: number): string {
    while (this.#stock.length < length + STOCK) {
      const at = this.#stock.length;
      let more = "";
      while (more.length < STOCK) more += `${(at + more.length).toString(36)}-${this.below(1 << 20).toString(36)}é `;
      this.#stock += more;
    }
    const from = this.below(STOCK);
    return this.#stock.slice(from, from + length);
  }

  below(count: number): number {
    // A linear congruence will do: what is wanted is that no two runs are the same.
    this.#state = (this.#state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return Math.floor((this.#state / 4_294_967_296) * count);
  }

  /** No two of ninety in a row are the same. */
  #digits(): string {
    return String(10 + (this.#count++ % 90));
  }

  #id(): string {
    return `v${(this.#count++).toString(36)}${this.below(1 << 30).toString(36)}`;
  }

  #number(): number {
    const n = this.below(1 << 30);
    return this.below(2) === 0 ? n * 8_388_607 - this.below(9) : (n - (1 << 29)) / (1 + this.below(4096));
  }
}

function givenSeed(): number {
  const given = Number(process.env.EXTRUNTIME_CONFORMANCE_SEED);
  return Number.isInteger(given) && given !== 0
    ? Math.abs(given) % 4_294_967_296
    : Math.floor(Math.random() * 4_294_967_296);
}
