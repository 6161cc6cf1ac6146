import { type Body, FLAG, type FrameSink, HEADER_BYTES } from "./protocol.ts";

/** Frames in memory: how they are written and read, in a ring that two threads share as in a buffer that goes through a pipe. */

/** Methods of Node's buffers that its types leave out: what `write` and `toString` come to, without their way there. */
interface RawBuffer extends Buffer {
  utf8Write(text: string, offset: number, length: number): number;
  utf8Slice(start: number, end: number): string;
  latin1Slice(start: number, end: number): string;
}

/** Memory that holds frames, seen as words and as bytes. */
export interface FrameMemory {
  readonly words: Int32Array;
  readonly bytes: RawBuffer;
  /** Another thread may write there at any time. */
  readonly shared: boolean;
}

export function frameMemory(
  buffer: ArrayBuffer | SharedArrayBuffer,
  offset = 0,
  length = buffer.byteLength - offset,
): FrameMemory {
  const bytes = Buffer.from(buffer, offset, length) as RawBuffer;
  return { words: new Int32Array(buffer, offset, length >> 2), bytes, shared: !(buffer instanceof ArrayBuffer) };
}

/** The most bytes that a frame with this body can take. */
export function roomFor(body: Body): number {
  return HEADER_BYTES + (typeof body === "string" ? body.length * 3 : body.byteLength) + 3;
}

/** Writes a frame at `at`, a multiple of four, where {@link roomFor} bytes are free. Returns where the next one begins. */
export function writeFrame(
  { words, bytes }: FrameMemory,
  at: number,
  kind: number,
  flags: number,
  number: number,
  key: number,
  target: number,
  time: number,
  body: Body,
): number {
  let length = HEADER_BYTES;
  if (typeof body !== "string") {
    bytes.set(body, at + HEADER_BYTES);
    length += body.byteLength;
    flags |= FLAG.bytes;
  } else if (body.length > 0) {
    const start = at + HEADER_BYTES;
    if (isWellFormed(body)) {
      const written = bytes.utf8Write(body, start, body.length * 3);
      if (written === body.length) flags |= FLAG.ascii;
      length += written;
    } else {
      flags |= FLAG.utf16;
      length += bytes.write(body, start, "utf16le");
    }
  }
  const word = at >> 2;
  words[word + 1] = kind | (flags << 8) | (number << 16);
  words[word + 2] = key;
  words[word + 3] = target;
  words[word + 4] = time;
  // Last: who reads along, as the host reads a journal, sees a length only where the rest is.
  words[word] = length;
  return at + ((length + 3) & ~3);
}

/**
 * Hands the frame at `at` to a sink, and says what is wrong where it is none. Never throws because of what the frame holds; what the sink throws goes through.
 *
 * @param length as the frame's first word says, and its reader has checked: in shared memory it may be another one by now.
 * @param aside brings the body of a frame that has it elsewhere; without it there is none that has.
 */
export function readFrame(
  memory: FrameMemory,
  at: number,
  length: number,
  sink: FrameSink,
  aside?: () => Body | undefined,
): string | undefined {
  const { words } = memory;
  const word = at >> 2;
  const head = words[word + 1]!;
  const flags = (head >> 8) & 0xff;
  const key = words[word + 2]!;
  const target = words[word + 3]!;
  const time = words[word + 4]!;
  const isAside = (flags & FLAG.aside) !== 0;
  const body = isAside ? aside?.() : readBody(memory, at + HEADER_BYTES, at + length, flags);
  if (body === undefined)
    return isAside
      ? "a frame whose body should be elsewhere and is not"
      : `a body of ${length} bytes that cannot be read`;
  sink.frame(head & 0xff, flags & ~FLAG.aside, head >>> 16, key, target, time, body);
  return undefined;
}

/** `undefined` where no string can be as long. */
function readBody({ bytes, shared }: FrameMemory, start: number, end: number, flags: number): Body | undefined {
  try {
    if ((flags & FLAG.ascii) !== 0) return bytes.latin1Slice(start, end);
    if (start >= end) return (flags & FLAG.bytes) === 0 ? "" : new Uint8Array(0);
    if ((flags & FLAG.bytes) !== 0) return new Uint8Array(bytes.subarray(start, end));
    if (shared) return readText(Buffer.from(bytes.subarray(start, end)) as RawBuffer, 0, end - start, flags);
    return readText(bytes, start, end, flags);
  } catch {
    return undefined;
  }
}

/** Looks at the bytes more than once, so they must be nobody else's to change. */
function readText(bytes: RawBuffer, start: number, end: number, flags: number): string {
  return (flags & FLAG.utf16) === 0 ? bytes.utf8Slice(start, end) : bytes.toString("utf16le", start, end);
}

/** Quick for the strings that V8 keeps with one byte a character. In Node from 20 on; the types know it later. */
function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}
