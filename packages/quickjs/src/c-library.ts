import type { ImportName } from "./build.ts";
import { Wasm, type WasmImport, type WasmMemory } from "./webassembly.ts";

/** The linear memory, as the functions that QuickJS imports see it. */
export interface CallerMemory {
  /** The UTF-8 text at an address, up to its NUL. */
  text(pointer: number): string;
  setPointer(at: number, value: number): void;
  /** Copies text to the heap for QuickJS to free. Returns 0 when there is no room. */
  ownedText(text: string): number;
  /** Milliseconds since 1970. */
  now(): number;
  /** Makes room up to an address. */
  grow(bytes: number): boolean;
  /** What lives in it cannot go on. */
  dead: boolean;
}

/** What QuickJS asks of the guest whose code it runs. */
export interface GuestCallbacks {
  /** `true` stops the guest. */
  interrupted(runtime: number): boolean;
  /** Returns a value for QuickJS to free, or 0 for `undefined`. */
  called(context: number, fn: number, argv: number): number;
  resolveModule(runtime: number, base: string, name: string): string | undefined;
  moduleSource(runtime: number, path: string): string | undefined;
}

const ENOSYS = 52;
const MINUTE_S = 60;
const DAY_MS = 86_400_000;

/** The few functions of a C library that QuickJS asks its host for: a clock, the time zone, and more memory. There are no files, environment or streams to ask for. */
export function cLibrary(
  memory: WasmMemory,
  caller: CallerMemory,
  guests: GuestCallbacks,
): Record<ImportName, WasmImport> {
  const abort = (why: string): never => {
    caller.dead = true;
    throw new Wasm.RuntimeError(why);
  };
  return {
    memory,
    qts_host_interrupt_handler: (runtime: number) => (guests.interrupted(runtime) ? 1 : 0),
    qts_host_call_function: (context: number, _this: number, _argc: number, argv: number, fn: number) =>
      guests.called(context, fn, argv),
    qts_host_normalize_module: (runtime: number, _context: number, base: number, name: number) => {
      const path = guests.resolveModule(runtime, caller.text(base), caller.text(name));
      return path === undefined ? 0 : caller.ownedText(path);
    },
    qts_host_load_module_source: (runtime: number, _context: number, path: number) => {
      const source = guests.moduleSource(runtime, caller.text(path));
      return source === undefined ? 0 : caller.ownedText(source);
    },
    qts_host_ref_free: () => undefined,
    emscripten_resize_heap: (bytes: number) => (caller.grow(bytes >>> 0) ? 1 : 0),
    emscripten_date_now: () => caller.now(),
    _tzset_js: (zone: number, daylight: number) => {
      caller.setPointer(zone, MINUTE_S * new Date().getTimezoneOffset());
      caller.setPointer(daylight, 0);
    },
    _localtime_js: (seconds: bigint, tm: number) => {
      for (const [index, field] of localTime(Number(seconds)).entries()) caller.setPointer(tm + 4 * index, field);
    },
    environ_sizes_get: (count: number, size: number) => {
      caller.setPointer(count, 0);
      caller.setPointer(size, 0);
      return 0;
    },
    environ_get: () => 0,
    fd_write: () => ENOSYS,
    fd_close: () => ENOSYS,
    fd_seek: () => ENOSYS,
    _setitimer_js: () => 0,
    _emscripten_runtime_keepalive_clear: () => undefined,
    __assert_fail: (condition: number) => abort(`assertion failed: ${caller.text(condition)}`),
    _abort_js: () => abort("it aborted"),
    proc_exit: (code: number) => abort(`it exited with ${code}`),
  };
}

/** The fields of a C `struct tm` for the host's time zone. */
function localTime(seconds: number): number[] {
  const date = new Date(seconds * 1000);
  const newYear = new Date(date.getFullYear(), 0, 1);
  const offset = date.getTimezoneOffset();
  const standard = Math.max(newYear.getTimezoneOffset(), new Date(date.getFullYear(), 6, 1).getTimezoneOffset());
  const dayOfYear = Math.round(
    (Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) - Date.UTC(date.getFullYear(), 0, 1)) / DAY_MS,
  );
  return [
    ...[date.getSeconds(), date.getMinutes(), date.getHours(), date.getDate(), date.getMonth()],
    ...[date.getFullYear() - 1900, date.getDay(), dayOfYear, offset < standard ? 1 : 0, -MINUTE_S * offset],
  ];
}
