/** Reads a WebAssembly binary, front to back, and never past `end`. */

/** The bytes are not a WebAssembly module. */
export class MalformedModule extends Error {}

export class BinaryReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  offset: number;

  constructor(bytes: Uint8Array, offset = 0, end = bytes.length) {
    this.bytes = bytes;
    this.offset = offset;
    this.end = end;
  }

  get done(): boolean {
    return this.offset >= this.end;
  }

  byte(): number {
    const value = this.offset < this.end ? this.bytes[this.offset] : undefined;
    if (value === undefined) throw new MalformedModule(`it ends inside a value, at byte ${this.end}`);
    this.offset += 1;
    return value;
  }

  /** An unsigned LEB128 number of up to 32 bits, in at most five bytes, as the specification has it. */
  u32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        if (value > 0xffff_ffff) break;
        return value;
      }
    }
    throw new MalformedModule(`a number is too large, at byte ${this.offset}`);
  }

  /** A signed LEB128 number of up to 33 bits: a type index, or a negative number for one of the types without an index. */
  s33(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return byte & 0x40 ? value - 2 ** (shift + 7) : value;
    }
    throw new MalformedModule(`a number is too large, at byte ${this.offset}`);
  }

  /** Skips a LEB128 number of up to 64 bits of either sign. */
  skipNumber(): void {
    for (let i = 0; i < 10; i++) if (this.byte() < 0x80) return;
    throw new MalformedModule(`a number is too long, at byte ${this.offset}`);
  }

  skip(length: number): void {
    if (length > this.end - this.offset) throw new MalformedModule(`it ends inside a value, at byte ${this.end}`);
    this.offset += length;
  }

  name(): string {
    const length = this.u32();
    const start = this.offset;
    this.skip(length);
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + start, length).toString();
  }
}

/** A number as unsigned LEB128. */
export function leb128(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    out.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  out.push(rest);
  return out;
}

/** A number as signed LEB128. */
export function signedLeb128(value: number): number[] {
  const out: number[] = [];
  for (let rest = value; ; rest >>= 7) {
    const low = rest & 0x7f;
    const isLast = rest >> 7 === (low & 0x40 ? -1 : 0);
    out.push(isLast ? low : low | 0x80);
    if (isLast) return out;
  }
}
