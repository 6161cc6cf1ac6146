import { basename } from "node:path";
import type { Canary } from "../host/canary.ts";
import type { KitGuest } from "../sources/kit-guest.ts";
import { type PointerGuest, packed, pointerFunction, pointerGuest } from "../sources/wasm.ts";
import {
  assemble,
  type Code,
  call,
  DROP,
  get,
  i32,
  i64,
  LOAD,
  loop,
  MEMORY_GROW,
  set,
  UNREACHABLE,
  type ValueType,
  type WasmImport,
  when,
} from "../sources/wasm-assembler.ts";
import type { Escape } from "./escape.ts";
import { hostFunctionEscapes } from "./wasm-host-functions.ts";

const WASI = "wasi_snapshot_preview1";
/** Where attempts keep arguments and what they read; the allocator begins at 32,768. */
const ARGUMENTS = 1024;
const FOUND = 4096;
const FOUND_BYTES = 16_384;

const EXPORTS = ["attempt"];

function wasi(name: string, params: readonly ValueType[]): WasmImport {
  return { module: WASI, name, params, results: name === "proc_exit" ? [] : ["i32"] };
}

function ints(count: number): ValueType[] {
  return Array.from({ length: count }, () => "i32" as const);
}

/** What lies at FOUND, as the answer: the kit looks for the secret in it, zero bytes and all. */
const ANSWER = packed(i32(FOUND), i32(FOUND_BYTES));
const NOTHING = i64(0n);

function attempt(name: string, ...code: Code[]): Escape {
  return guest(name, () => ({ functions: [pointerFunction("attempt", ...code)] }));
}

function guest(name: string, make: (canary: Canary) => PointerGuest): Escape {
  return { name, guest: (canary) => pointerGuest(make(canary), EXPORTS) };
}

/** An attempt with imports; their indexes are their places in the list. */
function importing(name: string, imports: readonly WasmImport[], code: Code, data: PointerGuest["data"] = []): Escape {
  return guest(name, () => ({ imports, functions: [pointerFunction("attempt", code)], data }));
}

/** One vector for `fd_read` or `fd_write`: {@link ARGUMENTS} holds its pointer and length. */
function vector(pointer: number, length: number): { at: number; bytes: Uint8Array } {
  return { at: ARGUMENTS, bytes: new Uint8Array(Uint32Array.of(pointer, length).buffer) };
}

/** Runs `code` for every file descriptor from 0 to 63, in local 2. */
function everyDescriptor(...code: Code[]): Code {
  return loop(...code, [...get(2), ...i32(1), 0x6a, ...set(2)], [...get(2), ...i32(64), 0x49], [0x0d, 0]);
}

const FILES: readonly Escape[] = [
  importing(
    "reads every open file descriptor",
    [wasi("fd_read", ints(4))],
    [...everyDescriptor(get(2), i32(ARGUMENTS), i32(1), i32(2048), call(0), DROP), ...ANSWER],
    [vector(FOUND, 4096)],
  ),
  importing(
    "reads every open file descriptor at a place",
    [wasi("fd_pread", ["i32", "i32", "i32", "i64", "i32"])],
    [...everyDescriptor(get(2), i32(ARGUMENTS), i32(1), i64(0n), i32(2048), call(0), DROP), ...ANSWER],
    [vector(FOUND, 4096)],
  ),
  importing(
    "writes to every open file descriptor",
    [wasi("fd_write", ints(4))],
    [...everyDescriptor(get(2), i32(ARGUMENTS), i32(1), i32(2048), call(0), DROP), ...NOTHING],
    [vector(64, 5), { at: 64, bytes: Buffer.from("owned") }],
  ),
  importing(
    "closes every file descriptor",
    [wasi("fd_close", ints(1))],
    [...everyDescriptor(get(2), call(0), DROP), ...NOTHING],
  ),
  importing(
    "renumbers file descriptors",
    [wasi("fd_renumber", ints(2))],
    [...everyDescriptor(get(2), i32(1), call(0), DROP), ...NOTHING],
  ),
  importing(
    "finds no preopened folder",
    [wasi("fd_prestat_get", ints(2)), wasi("fd_prestat_dir_name", ints(3))],
    [
      ...everyDescriptor(
        [...get(2), ...i32(2048), ...call(0), 0x45],
        when([...get(2), ...i32(FOUND), ...i32(64), ...call(1), ...DROP]),
      ),
      ...ANSWER,
    ],
  ),
  ...["path_open", "path_unlink_file", "path_create_directory"].map((name) => ({
    name: `${name} of the secret, and of a file to be`,
    guest: (canary: Canary) => pathGuest(name, canary),
  })),
  importing(
    "reads the environment",
    [wasi("environ_get", ints(2))],
    [...i32(2048), ...i32(FOUND), ...call(0), ...DROP, ...ANSWER],
  ),
  importing(
    "reads the arguments",
    [wasi("args_get", ints(2))],
    [...i32(2048), ...i32(FOUND), ...call(0), ...DROP, ...ANSWER],
  ),
  importing(
    "sends to every socket",
    [wasi("sock_send", ints(5))],
    [...everyDescriptor(get(2), i32(ARGUMENTS), i32(1), i32(0), i32(2048), call(0), DROP), ...NOTHING],
    [vector(64, 5)],
  ),
  importing(
    "accepts on every socket",
    [wasi("sock_accept", ints(3))],
    [...everyDescriptor(get(2), i32(0), i32(2048), call(0), DROP), ...NOTHING],
  ),
];

/** Opens, removes or makes paths below every file descriptor, and reads what it opened. */
function pathGuest(name: string, canary: Canary): KitGuest {
  const paths = [canary.file, canary.marker, basename(canary.file), "../".repeat(20) + canary.file.slice(1)];
  const data = paths.map((path, i) => ({ at: 8192 + i * 1024, bytes: Buffer.from(path) }));
  const read: Code = when([...i32(2048), ...LOAD, ...i32(ARGUMENTS), ...i32(1), ...i32(2052), ...call(1), ...DROP]);
  const tries = paths.flatMap((path, i) => {
    const text = [...i32(8192 + i * 1024), ...i32(Buffer.byteLength(path))];
    if (name !== "path_open") return [[...get(2), ...text, ...call(0), ...DROP]];
    // Following links; first to read what is there, with the right to read, then to make what is not, with the right to write.
    const opened = (flags: number, rights: bigint): Code => [
      ...get(2),
      ...i32(1),
      ...text,
      ...i32(flags),
      ...i64(rights),
      ...i64(0n),
      ...i32(0),
      ...i32(2048),
      ...call(0),
    ];
    return [
      [...opened(0, 2n), 0x45, ...read],
      [...opened(1, 64n), ...DROP],
    ];
  });
  const open: WasmImport = wasi("path_open", ["i32", "i32", "i32", "i32", "i32", "i64", "i64", "i32", "i32"]);
  const imports = [name === "path_open" ? open : wasi(name, ints(3)), wasi("fd_read", ints(4))];
  const code = [...everyDescriptor(...tries), ...ANSWER];
  return pointerGuest(
    { imports, functions: [pointerFunction("attempt", code)], data: [...data, vector(FOUND, 2048)] },
    EXPORTS,
  );
}

const HOST_IMPORTS: readonly Escape[] = [
  ["env", "system"],
  ["env", "readFile"],
  ["node:fs", "readFileSync"],
  ["process", "exit"],
  ["host", "eval"],
  ["__proto__", "constructor"],
  ["constructor", "constructor"],
  ["env", "constructor"],
  ["env", "__proto__"],
  [WASI, "constructor"],
  [WASI, "__proto__"],
  [WASI, "toString"],
  ["wasi_unstable", "path_open"],
  ["wasi_snapshot_preview1.wasm", "sock_open"],
  ["", ""],
].map(([module, name]) =>
  importing(
    `imports ${JSON.stringify(module)} ${JSON.stringify(name)}`,
    [{ module: module!, name: name!, params: ints(2), results: ["i32"] }],
    [...i32(64), ...i32(64), ...call(0), ...DROP, ...NOTHING],
  ),
);

const WILD = [0, -1, -2, 65_535, 65_536, 0x7fffffff, -0x80000000];

/** Calls of WASI functions with pointers and counts from outside of the memory. */
const WILD_CALLS: readonly Escape[] = [
  ["fd_write", ints(4), [1]],
  ["fd_read", ints(4), [0]],
  ["random_get", ints(2), []],
  ["args_get", ints(2), []],
  ["args_sizes_get", ints(2), []],
  ["environ_get", ints(2), []],
  ["environ_sizes_get", ints(2), []],
  ["fd_fdstat_get", ints(2), [1]],
  ["fd_prestat_get", ints(2), [3]],
  ["clock_res_get", ints(2), [0]],
].map((row) => {
  const [name, params, first] = row as [string, ValueType[], number[]];
  const wild = WILD.flatMap((pointer) => WILD.map((length) => [pointer, length] as const));
  const code = wild.flatMap(([pointer, length]) => {
    const rest = Array.from({ length: params.length - first.length }, (_, i) => (i % 2 === 0 ? pointer : length));
    // Hundreds of megabytes of random numbers that fit nowhere are refused; those that fit are the guest's to have.
    return [...[...first, ...rest].flatMap((value) => i32(value)), ...call(0), ...DROP];
  });
  return importing(`${name} with wild pointers and lengths`, [wasi(name, params)], [...code, ...NOTHING]);
});

const CLOCKS: readonly Escape[] = [
  importing(
    "sleeps for a thousand years",
    [wasi("poll_oneoff", ints(4))],
    [...i32(ARGUMENTS), ...i32(FOUND), ...i32(1), ...i32(2048), ...call(0), ...DROP, ...NOTHING],
    [
      // One subscription: userdata, tag 0 (clock), clock 1 (monotonic), timeout in nanoseconds.
      { at: ARGUMENTS + 16, bytes: new Uint8Array(Uint32Array.of(1, 0).buffer) },
      { at: ARGUMENTS + 24, bytes: Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f) },
    ],
  ),
  ...WILD.map((count) =>
    importing(
      `poll_oneoff with ${count} subscriptions`,
      [wasi("poll_oneoff", ints(4))],
      [...i32(64), ...i32(FOUND), ...i32(count), ...i32(2048), ...call(0), ...DROP, ...NOTHING],
    ),
  ),
  importing(
    "reads clocks that there are not",
    [wasi("clock_time_get", ["i32", "i64", "i32"])],
    [...WILD.flatMap((id) => [...i32(id), ...i64(1n), ...i32(id), ...call(0), ...DROP]), ...NOTHING],
  ),
  importing("exits with a code", [wasi("proc_exit", ints(1))], [...i32(3), ...call(0), ...NOTHING]),
  importing("exits with the code 0", [wasi("proc_exit", ints(1))], [...i32(0), ...call(0), ...NOTHING]),
  importing("raises a signal", [wasi("proc_raise", ints(1))], [...i32(9), ...call(0), ...DROP, ...NOTHING]),
];

/** Results that lie outside, that alias what the host holds, or that are no text. */
const RESULTS: readonly Escape[] = [
  ...WILD.flatMap((pointer) =>
    WILD.filter((length) => length !== 0).map((length) =>
      attempt(`a result at ${pointer >>> 0} of ${length >>> 0} bytes`, packed(i32(pointer), i32(length))),
    ),
  ),
  attempt("a result that is the payload", packed(get(0), get(1))),
  attempt("a result that overlaps the payload", packed([...get(0), ...i32(1), 0x6a], get(1))),
  attempt(
    "a result that begins before the payload",
    packed([...get(0), ...i32(8), 0x6b], [...get(1), ...i32(16), 0x6a]),
  ),
  attempt("a result that is the whole memory", packed(i32(0), i32(65_536))),
  attempt("memory that grows during the call", i32(16), MEMORY_GROW, DROP, packed(get(0), get(1))),
  attempt(
    "memory that grows as far as it can",
    loop(i32(16), MEMORY_GROW, i32(0), [0x4e], [0x0d, 0]),
    packed(get(0), get(1)),
  ),
];

function lying(name: string, alloc: Code, free?: Code): Escape {
  return guest(name, () => ({
    functions: [pointerFunction("attempt", packed(get(0), get(1)))],
    alloc: { code: alloc },
    ...(free === undefined ? {} : { free: { code: free } }),
  }));
}

const ALLOCATORS: readonly Escape[] = [
  ...WILD.map((pointer) => lying(`an allocator that answers ${pointer >>> 0}`, i32(pointer))),
  lying("an allocator that traps", UNREACHABLE),
  lying("an allocator that grows the memory and answers its end", [
    ...i32(1),
    ...MEMORY_GROW,
    ...DROP,
    0x3f,
    0,
    ...i32(16),
    0x74,
  ]),
  lying("an allocator that answers the last byte", i32(65_535)),
  lying("a free that traps", i32(32_768), UNREACHABLE),
  lying("a free that grows the memory", i32(32_768), [...i32(1), ...MEMORY_GROW, ...DROP]),
];

/** Modules that are made to be wrong. */
const SHAPES: readonly Escape[] = [
  shape("a memory of 4 GiB", { memory: { min: 65_536 } }),
  shape("a memory that is shared", { memory: { min: 1, max: 2, shared: true } }),
  shape("no exported memory", { memory: { min: 1, hidden: true } }),
  shape("a table of 100 million elements", { table: 100_000_000 }),
  shape("data outside of the memory", { data: [{ at: 65_535, bytes: Buffer.from("xx") }] }),
  shape("a start function that traps", {
    functions: [pointerFunction("attempt", NOTHING), { code: UNREACHABLE }],
    start: 1,
  }),
  shape("a start function that calls the host before there is an instance", {
    imports: [wasi("fd_write", ints(4)), wasi("proc_exit", ints(1))],
    functions: [
      pointerFunction("attempt", NOTHING),
      { code: [...i32(1), ...i32(ARGUMENTS), ...i32(1), ...i32(0), ...call(0), ...DROP, ...i32(3), ...call(1)] },
    ],
    start: 3,
  }),
  shape("a function that answers with an i32", {
    functions: [{ name: "attempt", params: ints(2), results: ["i32"], code: i32(1) }],
  }),
  shape("a function that takes three numbers", {
    functions: [{ name: "attempt", params: ints(3), results: ["i64"], code: NOTHING }],
  }),
  shape("a function that answers with two numbers", {
    functions: [{ name: "attempt", params: ints(2), results: ["i64", "i64"], code: [...NOTHING, ...NOTHING] }],
  }),
  shape("an export named __proto__ and one named constructor", {
    functions: [
      pointerFunction("attempt", NOTHING),
      { name: "__proto__", code: [] },
      { name: "constructor", code: [] },
      { name: "then", code: [] },
    ],
  }),
  {
    name: "a memory that is a function",
    guest: () =>
      bytes(
        assemble({
          functions: [
            pointerFunction("attempt", NOTHING),
            { name: "memory", code: [] },
            { name: "__base_alloc", params: ints(1), results: ["i32"], code: i32(8) },
            { name: "__base_free", params: ints(2), code: [] },
          ],
        }),
      ),
  },
  {
    name: "no allocator",
    guest: () => bytes(assemble({ memory: { min: 1 }, functions: [pointerFunction("attempt", NOTHING)] })),
  },
  {
    name: "a module that ends in its middle",
    guest: () =>
      bytes(assemble({ memory: { min: 1 }, functions: [pointerFunction("attempt", NOTHING)] }).subarray(0, 40)),
  },
  {
    name: "a section that says it is 4 GiB",
    guest: () => bytes(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0x0f)),
  },
  { name: "a component", guest: () => bytes(Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0)) },
];

function shape(name: string, parts: Partial<PointerGuest>): Escape {
  return guest(name, () => ({ functions: [pointerFunction("attempt", NOTHING)], ...parts }));
}

function bytes(content: Uint8Array): KitGuest {
  return { module: "guest.wasm", exports: EXPORTS, files: { "guest.wasm": content } };
}

export const wasmEscapes: readonly Escape[] = [
  ...FILES,
  ...HOST_IMPORTS,
  ...WILD_CALLS,
  ...CLOCKS,
  ...RESULTS,
  ...ALLOCATORS,
  ...SHAPES,
  ...hostFunctionEscapes,
];
