const HEADER = 8;
const DATA = 11;
const DATA_COUNT = 12;

/** A module without what it puts into its memory: an image of that memory holds it as well. */
export function withoutData(bytes) {
  const kept = [bytes.subarray(0, HEADER)];
  for (let at = HEADER; at < bytes.length; ) {
    const { value: size, next } = readLength(bytes, at + 1);
    const end = next + size;
    if (bytes[at] !== DATA && bytes[at] !== DATA_COUNT) kept.push(bytes.subarray(at, end));
    at = end;
  }
  return Buffer.concat(kept);
}

/** A number in LEB128. */
function readLength(bytes, start) {
  let value = 0;
  let at = start;
  for (let shift = 0; ; shift += 7, at++) {
    value += (bytes[at] & 0x7f) * 2 ** shift;
    if (bytes[at] < 0x80) return { value, next: at + 1 };
  }
}
