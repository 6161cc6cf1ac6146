import { execFileSync } from "node:child_process";
import { guest } from "./guests.ts";

/** A guest that writes into the descriptors by which its process speaks with the host. */
const CODE = `
import { closeSync, readSync, writeSync } from "node:fs";
const JOURNAL = 6, BEGAN = 24, HEADER = 20;
const pad = (n) => (n + 3) & ~3;
function frame([kind, flags, number, key, target, time, body = "", length]) {
  const bytes = Buffer.from(body);
  const out = Buffer.alloc(pad(HEADER + bytes.length));
  out.writeInt32LE(length ?? HEADER + bytes.length, 0);
  out.writeUInt32LE((kind | (flags << 8) | (number << 16)) >>> 0, 4);
  [key, target, time].forEach((word, i) => out.writeInt32LE(word | 0, 8 + 4 * i));
  bytes.copy(out, HEADER);
  return out;
}
/** Where the journal's last piece ends, its batch, and the key of the call that began there: this one. */
function last() {
  const bytes = Buffer.alloc(1 << 16);
  readSync(JOURNAL, bytes, 0, bytes.length, 0);
  let batch, found;
  for (let at = 0, from = 0; at + HEADER <= bytes.length; ) {
    const length = bytes.readInt32LE(at);
    if (length < HEADER || at + length > bytes.length) break;
    if (bytes[at + 4] === BEGAN) {
      batch ??= bytes.readInt32LE(at + 12);
      if (bytes.readInt32LE(at + 12) !== batch || bytes.readInt32LE(at + 16) !== from) break;
      found = { key: bytes.readInt32LE(at + 8), batch, end: at + HEADER };
      from = found.end;
    }
    at += pad(length);
  }
  return found;
}
function all(fd, bytes) {
  for (let at = 0; at < bytes.length; ) {
    try { at += writeSync(fd, bytes, at); } catch (error) { if (error.code !== "EAGAIN") throw error; }
  }
}
/** The number of this program, which a line of output in the journal says. */
function program(context) {
  context.log("info", "a line");
  const bytes = Buffer.alloc(1 << 16);
  readSync(JOURNAL, bytes, 0, bytes.length, 0);
  for (let at = 0; ; at += pad(bytes.readInt32LE(at))) if (bytes[at + 4] === 21) return bytes.readInt32LE(at + 12);
}
const own = (parts, context) =>
  parts.map((part) => (part === "own" ? last().key : part === "program" ? program(context) : part));
const never = () => new Promise(() => setInterval(() => {}, 1000));
export const echo = (value) => value;
export const pid = () => process.pid;
/** Frames by a descriptor. */
export const send = ([fd, frames], context) => { all(fd, Buffer.concat(frames.map((parts) => frame(own(parts, context))))); return never(); };
export const raw = ([fd, bytes]) => { all(fd, Buffer.from(bytes)); return never(); };
export const close = (fd) => { closeSync(fd); return never(); };
/** A frame in a whole piece of the journal, which the host reads while this spins. */
export const note = (parts) => {
  const { batch, end } = last();
  const bytes = frame(own(parts));
  writeSync(JOURNAL, Buffer.concat([bytes, frame([BEGAN, 0, 0, 0, batch, end])]), 0, undefined, end);
  for (;;);
};
/** The same, and the end of the process. */
export const noteAndDie = (parts) => {
  const { batch, end } = last();
  const bytes = frame(own(parts));
  writeSync(JOURNAL, Buffer.concat([bytes, frame([BEGAN, 0, 0, 0, batch, end])]), 0, undefined, end);
  process.kill(process.pid, "SIGKILL");
  for (;;);
};
export const scribble = ([seed, die]) => {
  const bytes = Buffer.alloc(1 << 16);
  for (let i = 0; i < bytes.length; i++) bytes[i] = (seed = (seed * 1103515245 + 12345) & 0x7fffffff) >> 16;
  writeSync(JOURNAL, bytes, 0, bytes.length, 0);
  if (die) process.kill(process.pid, "SIGKILL");
  const end = Date.now() + 100;
  while (Date.now() < end);
  process.kill(process.pid, "SIGKILL");
};
export const flood = (count, context) => {
  const target = program(context);
  const many = Buffer.concat(Array.from({ length: 100 }, (_, i) => frame([23, 0, 0, i + 1, target, 0, "null"])));
  for (let i = 0; i < count; i++) all(4, many);
  for (;;);
};
`;

export function hostileGuest(name = "hostile", more: Record<string, unknown> = {}) {
  return guest(name, more, CODE);
}

export function canSandbox(): boolean {
  try {
    execFileSync("bwrap", ["--ro-bind", "/", "/", "--unshare-all", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
