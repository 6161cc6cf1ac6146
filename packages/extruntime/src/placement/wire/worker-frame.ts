import { type Body, FLAG, KIND, LOG_LEVELS } from "./protocol.ts";

/**
 * What a worker may send. A guest of some engines can write into its worker's descriptors and memory, so every frame is looked at before anything is
 * done with it: here at the frame alone, in `placed-worker.ts` and `program-reports.ts` at what the host knows of the worker. Nothing here throws.
 */

const TEXT = FLAG.utf16 | FLAG.ascii;
const HOST_INDEXES = 1 << 16;

interface Shape {
  /** Flags that it may have beside those of its text. */
  readonly flags?: number;
  /** The number is below this; else it is 0. */
  readonly numbers?: number;
  /** `"some"`: never 0. */
  readonly key: "some" | "any" | "none";
  readonly target?: "some" | "any";
  /** Its time is not 0, but never negative. */
  readonly timed?: boolean;
  readonly empty?: boolean;
}

const SHAPES: Readonly<Record<number, Shape>> = {
  [KIND.ready]: { key: "none", empty: true },
  [KIND.done]: { key: "some", flags: FLAG.broken, timed: true },
  [KIND.failed]: { key: "any", flags: FLAG.broken },
  [KIND.skipped]: { key: "some", flags: FLAG.broken, empty: true },
  [KIND.later]: { key: "some", empty: true },
  [KIND.log]: { key: "some", numbers: LOG_LEVELS.length, target: "some", timed: true },
  [KIND.hostCall]: { key: "some", flags: FLAG.sync, numbers: HOST_INDEXES, target: "some", timed: true },
  [KIND.closed]: { key: "none", target: "some", empty: true },
  [KIND.began]: { key: "any", target: "any", timed: true, empty: true },
};

/** What is wrong with a frame as the host gets it; `undefined` for what a worker can send. */
export function faultOfFrame(
  kind: number,
  flags: number,
  number: number,
  key: number,
  target: number,
  time: number,
  body: Body,
): string | undefined {
  const shape = SHAPES[kind];
  if (shape === undefined) return `a frame of kind ${kind}`;
  const fault =
    faultOfHeader(shape, flags, number, key, target, time) ??
    (typeof body !== "string"
      ? "bytes for text"
      : shape.empty && body !== ""
        ? "a body that it does not have"
        : undefined);
  return fault === undefined ? undefined : `a frame of kind ${kind} with ${fault}`;
}

function faultOfHeader(
  shape: Shape,
  flags: number,
  number: number,
  key: number,
  target: number,
  time: number,
): string | undefined {
  if ((flags & ~(TEXT | (shape.flags ?? 0))) !== 0 || (flags & TEXT) === TEXT) return `flags ${flags}`;
  if (number >= (shape.numbers ?? 1)) return `number ${number}`;
  if (key < 0 || (key === 0 ? shape.key === "some" : shape.key === "none")) return `key ${key}`;
  if (shape.target === undefined ? target !== 0 : shape.target === "some" && target <= 0) return `target ${target}`;
  if (shape.timed === true ? time < 0 : time !== 0) return `time ${time}`;
  return undefined;
}
