/** Everything that a guest can import, with its type. What is not here is refused at load. */

export const WASI = "wasi_snapshot_preview1";
export const EXTRUNTIME = "extruntime";

const ERRNO_ONLY = "-> i32";

/** WASI preview 1 as far as it is implemented, in `wasi.ts`. */
export const WASI_FUNCTIONS = {
  args_get: "(i32, i32) -> i32",
  args_sizes_get: "(i32, i32) -> i32",
  environ_get: "(i32, i32) -> i32",
  environ_sizes_get: "(i32, i32) -> i32",
  clock_res_get: "(i32, i32) -> i32",
  clock_time_get: "(i32, i64, i32) -> i32",
  random_get: "(i32, i32) -> i32",
  fd_read: "(i32, i32, i32, i32) -> i32",
  fd_write: "(i32, i32, i32, i32) -> i32",
  fd_close: "(i32) -> i32",
  fd_seek: "(i32, i64, i32, i32) -> i32",
  fd_fdstat_get: "(i32, i32) -> i32",
  fd_prestat_get: "(i32, i32) -> i32",
  poll_oneoff: "(i32, i32, i32, i32) -> i32",
  proc_exit: "(i32) -> ()",
  sched_yield: "() -> i32",
} as const;

/** The rest of WASI preview 1: files, sockets, signals. A guest may import them, and gets ENOSYS. */
const WASI_ABSENT: ReadonlySet<string> = new Set([
  "fd_advise",
  "fd_allocate",
  "fd_datasync",
  "fd_fdstat_set_flags",
  "fd_fdstat_set_rights",
  "fd_filestat_get",
  "fd_filestat_set_size",
  "fd_filestat_set_times",
  "fd_pread",
  "fd_prestat_dir_name",
  "fd_pwrite",
  "fd_readdir",
  "fd_renumber",
  "fd_sync",
  "fd_tell",
  "path_create_directory",
  "path_filestat_get",
  "path_filestat_set_times",
  "path_link",
  "path_open",
  "path_readlink",
  "path_remove_directory",
  "path_rename",
  "path_symlink",
  "path_unlink_file",
  "proc_raise",
  "sock_accept",
  "sock_recv",
  "sock_send",
  "sock_shutdown",
]);

/** Functions of numbers that a program compiled with `--use Math=JSMath` imports as `Math.…`. */
const UNARY =
  "abs acos acosh asin asinh atan atanh cbrt ceil clz32 cos cosh exp expm1 floor log log10 log1p log2 round sign sin sinh sqrt tan tanh trunc";
const BINARY = "atan2 hypot imul max min pow";

export const MATH_FUNCTIONS: ReadonlyMap<string, string> = new Map([
  ...UNARY.split(" ").map((name): [string, string] => [name, "(f64) -> f64"]),
  ...BINARY.split(" ").map((name): [string, string] => [name, "(f64, f64) -> f64"]),
  ["fround", "(f64) -> f32"],
  ["random", "() -> f64"],
]);

/** What AssemblyScript's standard library imports, in `assemblyscript.ts`. */
export const ASSEMBLYSCRIPT_FUNCTIONS = {
  abort: "(i32, i32, i32, i32) -> ()",
  seed: "() -> f64",
  trace: "(i32, i32, f64, f64, f64, f64, f64) -> ()",
  "console.log": "(i32) -> ()",
  "console.debug": "(i32) -> ()",
  "console.info": "(i32) -> ()",
  "console.warn": "(i32) -> ()",
  "console.error": "(i32) -> ()",
  "console.assert": "(i32, i32) -> ()",
  "console.time": "(i32) -> ()",
  "console.timeLog": "(i32) -> ()",
  "console.timeEnd": "(i32) -> ()",
  "Date.now": "() -> f64",
  "performance.now": "() -> f64",
  "crypto.getRandomValuesN": "(i32) -> i32",
  "process.exit": "(i32) -> ()",
} as const;

/** How a guest calls what the host offers to it, and how its call fails with an error of its own, in `host-call.ts`. */
export const EXTRUNTIME_FUNCTIONS = {
  host_call: "(i32, i32, i32, i32) -> i64",
  fail: "(i32, i32, i32, i32) -> ()",
} as const;

const IMPLEMENTED: Readonly<Record<string, ReadonlyMap<string, string>>> = {
  [WASI]: new Map(Object.entries(WASI_FUNCTIONS)),
  env: new Map([
    ...Object.entries(ASSEMBLYSCRIPT_FUNCTIONS),
    ...[...MATH_FUNCTIONS].map(([name, signature]): [string, string] => [`Math.${name}`, signature]),
  ]),
  [EXTRUNTIME]: new Map(Object.entries(EXTRUNTIME_FUNCTIONS)),
};

/** Whether the import is of WASI but not implemented. */
export function isAbsent(module: string, name: string): boolean {
  return module === WASI && WASI_ABSENT.has(name);
}

/**
 * Why a guest cannot import this function with this type, or `undefined` if it can. The type matters: a host function
 * written for 32-bit numbers must not meet a fraction or a BigInt.
 */
export function refusalOf(module: string, name: string, signature: string): string | undefined {
  if (isAbsent(module, name))
    return signature.endsWith(ERRNO_ONLY) ? undefined : `has the type ${signature} and must return i32`;
  const expected = Object.hasOwn(IMPLEMENTED, module) ? IMPLEMENTED[module]?.get(name) : undefined;
  if (expected === undefined) return "is not a function that a guest is given";
  return signature === expected ? undefined : `has the type ${signature} and must have ${expected}`;
}
