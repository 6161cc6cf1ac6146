/**
 * What a call costs, as ratios: `pnpm run bench` in this package, after the build and `node scripts/guests.mjs`.
 * All ways take turns in one process, a thousand calls at a time, so that a busy machine slows them alike; a ratio is the
 * median of the rounds' ratios.
 */
import { isUtf8 } from "node:buffer";
import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";
import { validate } from "../../../fixtures/validate-email/native/validate.mjs";
import { wasm } from "../dist/index.js";

const FIXTURES = new URL("../../../fixtures/validate-email/", import.meta.url);
const GUESTS = ["wasm-c", "wasm-assemblyscript", "wasm-rust", "wasm-go-reactor"];
const PAYLOAD = '{"email":"Ada@Example.COM","age":36}';
const CALLS = 1000;
const WARM_UP_ROUNDS = 50;
const ROUNDS = 300;

/** The exports of a guest, with nothing between it and the caller. */
async function exportsOf(guest) {
  const module = await WebAssembly.compile(await readFile(new URL(`${guest}/validate.wasm`, FIXTURES)));
  const wasi = new WASI({ version: "preview1" });
  const instance = await WebAssembly.instantiate(module, { ...wasi.getImportObject(), env: { abort() {} } });
  if (instance.exports._initialize) wasi.initialize(instance);
  return instance.exports;
}

/** The fastest loop that we can write by hand for one module that does the same: bounds and UTF-8 are checked. */
function byHand({ memory, __base_alloc: alloc, __base_free: free, validate: fn }) {
  let bytes = Buffer.from(memory.buffer);
  const packed = new BigInt64Array(1);
  const halves = new Uint32Array(packed.buffer);
  return (payload) => {
    const length = Buffer.byteLength(payload);
    const pointer = alloc(length);
    if (bytes.length === 0) bytes = Buffer.from(memory.buffer);
    if (pointer + length > bytes.length) throw new RangeError("out of bounds");
    bytes.utf8Write(payload, pointer, length);
    packed[0] = fn(pointer, length);
    const [resultLength, resultPointer] = [halves[0], halves[1]];
    if (bytes.length === 0) bytes = Buffer.from(memory.buffer);
    if (resultPointer + resultLength > bytes.length) throw new RangeError("out of bounds");
    const result = bytes.utf8Slice(resultPointer, resultPointer + resultLength);
    if (result.includes("\uFFFD") && !isUtf8(bytes.subarray(resultPointer, resultPointer + resultLength)))
      throw new TypeError("not UTF-8");
    free(resultPointer, resultLength);
    free(pointer, length);
    return result;
  };
}

/** The same as the documentation of WebAssembly would have it. */
function byTextEncoder({ memory, __base_alloc: alloc, __base_free: free, validate: fn }) {
  const encoder = new TextEncoder();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  return (payload) => {
    const encoded = encoder.encode(payload);
    const pointer = alloc(encoded.length);
    new Uint8Array(memory.buffer).set(encoded, pointer);
    const packed = BigInt.asUintN(64, fn(pointer, encoded.length));
    const resultPointer = Number(packed >> 32n);
    const resultLength = Number(packed & 0xffffffffn);
    const result = decoder.decode(new Uint8Array(memory.buffer, resultPointer, resultLength));
    free(resultPointer, resultLength);
    free(pointer, encoded.length);
    return result;
  };
}

/** Microseconds a call. */
function time(way) {
  const start = performance.now();
  for (let i = 0; i < CALLS; i++) way(PAYLOAD);
  return performance.now() - start;
}

/** Microseconds a call, each awaited before the next. */
async function timeAsync(way) {
  const start = performance.now();
  for (let i = 0; i < CALLS; i++) await way(PAYLOAD);
  return performance.now() - start;
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

async function measure(guest, runtime) {
  const module = await runtime.load(new URL(`${guest}/`, FIXTURES));
  const exports = await exportsOf(guest);
  const ways = {
    bare: (payload) => JSON.stringify(validate(JSON.parse(payload))),
    hand: byHand(exports),
    encoder: byTextEncoder(exports),
    sync: (payload) => module.invokeSync("validate", payload),
    async: (payload) => module.invoke("validate", payload),
  };
  const answers = new Set();
  for (const way of Object.values(ways))
    answers.add(JSON.stringify(JSON.parse(await way(PAYLOAD)), ["ok", "email", "age"]));
  if (answers.size !== 1) throw new Error(`${guest} answers differently: ${[...answers]}`);
  const times = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
  for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++)
    for (const [name, way] of Object.entries(ways)) {
      const taken = name === "async" ? await timeAsync(way) : time(way);
      if (round >= WARM_UP_ROUNDS) times[name].push(taken);
    }
  const ratio = (name, to) => median(times[name].map((value, round) => value / times[to][round])).toFixed(2);
  return {
    guest,
    "bare µs": median(times.bare).toFixed(2),
    "invokeSync µs": median(times.sync).toFixed(2),
    "invokeSync / by hand": ratio("sync", "hand"),
    "invokeSync / bare": ratio("sync", "bare"),
    "invoke / bare": ratio("async", "bare"),
    "TextEncoder / by hand": ratio("encoder", "hand"),
  };
}

const runtime = wasm();
const rows = [];
for (const guest of GUESTS) rows.push(await measure(guest, runtime));
const columns = Object.keys(rows[0]);
const lines = [columns, columns.map(() => "---"), ...rows.map((row) => Object.values(row))];
process.stdout.write(`${lines.map((line) => `| ${line.join(" | ")} |`).join("\n")}\n`);
await runtime.close();
