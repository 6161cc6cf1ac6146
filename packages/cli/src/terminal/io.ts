import type { WriteStream } from "node:tty";
import picocolors from "picocolors";

/** Where a command reads and writes. */
export interface Io {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

/** One stream of a command, with the colours that it shows. */
export class Output {
  readonly colors: ReturnType<typeof picocolors.createColors>;
  readonly #stream: NodeJS.WritableStream;

  constructor(stream: NodeJS.WritableStream) {
    this.#stream = stream;
    this.colors = picocolors.createColors(showsColors(stream));
  }

  line(text = ""): void {
    this.#stream.write(`${text}\n`);
  }
}

/** Node's own judgement of a terminal, which knows `NO_COLOR`, `TERM=dumb` and what CI systems show. A pipe or a file shows none, unless `FORCE_COLOR` says so. */
function showsColors(stream: NodeJS.WritableStream): boolean {
  const { NO_COLOR, FORCE_COLOR } = process.env;
  if (NO_COLOR !== undefined && NO_COLOR !== "") return false;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== "0" && FORCE_COLOR !== "false";
  const terminal = stream as Partial<WriteStream>;
  return terminal.isTTY === true && terminal.hasColors?.() === true;
}

// What a guest wrote must not steer the terminal that shows it: control characters but the line feed and the tab are shown as escapes.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about.
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** Text of somebody else, as a terminal may show it. */
export function visible(text: string): string {
  return text.replace(CONTROLS, escaped);
}

/** JSON text of somebody else with the same value, as a terminal may show it. */
export function visibleJson(json: string): string {
  // The white space between its values may be any of JSON's.
  return json.replace(/\r/g, " ").replace(CONTROLS, escaped);
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
