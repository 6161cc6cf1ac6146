import { HOST_FUNCTION, type KitGuest } from "./kit-guest.ts";
import {
  ADD,
  assemble,
  branch,
  branchIf,
  type Code,
  call,
  DROP,
  EXTEND_U,
  GT_U,
  get,
  getGlobal,
  I64_OR,
  I64_SHL,
  I64_SHR_U,
  i32,
  i64,
  LOAD,
  LOAD8_U,
  LT_U,
  loop,
  MEMORY_FILL,
  MEMORY_GROW,
  MEMORY_SIZE,
  MUL,
  NE,
  SHL,
  SHR_U,
  SUB,
  set,
  setGlobal,
  UNREACHABLE,
  type WasmFunction,
  type WasmImport,
  type WasmModule,
  WRAP,
  when,
} from "./wasm-assembler.ts";

/** What a guest of the pointer ABI is made of besides its allocator. */
export interface PointerGuest extends Omit<WasmModule, "functions"> {
  /** Their indexes begin after the imports; the allocator comes last. */
  readonly functions: readonly WasmFunction[];
  /** In the place of the allocator that works. */
  readonly alloc?: Partial<WasmFunction>;
  readonly free?: Partial<WasmFunction>;
}

/** Where the allocator of {@link pointerGuest} begins: below lies what a guest uses for itself. */
export const HEAP = 32_768;

/** A module of the pointer ABI in memory. Its functions are called `run` unless they say otherwise. */
export function pointerGuest(guest: PointerGuest, exports: readonly string[] = ["run"]): KitGuest {
  const { functions, alloc, free, ...module } = guest;
  const bytes = assemble({
    memory: { min: 1 },
    ...module,
    globals: [HEAP, ...(module.globals ?? [])],
    functions: [
      ...functions,
      { name: "__base_alloc", params: ["i32"], results: ["i32"], locals: ["i32"], code: BUMP, ...alloc },
      { name: "__base_free", params: ["i32", "i32"], code: [], ...free },
    ],
  });
  return { module: "guest.wasm", exports, files: { "guest.wasm": bytes } };
}

/** A function of the pointer ABI; its locals 0 and 1 are pointer and length, 2 to 5 are free. */
export function pointerFunction(name: string, ...code: Code[]): WasmFunction {
  return { name, params: ["i32", "i32"], results: ["i64"], locals: ["i32", "i32", "i32", "i32"], code: code.flat() };
}

/** Takes pointer and length, as code, to the result of a function. */
export function packed(pointer: Code, length: Code): Code {
  return [...pointer, ...EXTEND_U, ...i64(32n), ...I64_SHL, ...length, ...EXTEND_U, ...I64_OR].flat();
}

/** Calls a host function: pointers and lengths of its name and of the payload; gives those of the answer, as {@link packed} does. */
export const HOST_CALL: WasmImport = {
  module: "extruntime",
  name: "host_call",
  params: ["i32", "i32", "i32", "i32"],
  results: ["i64"],
};

/** Gives out memory and never takes it back; 0 where there is no more. */
export const BUMP: Code = [
  ...getGlobal(0),
  ...set(1),
  ...get(1),
  ...get(0),
  ...ADD,
  ...i32(7),
  ...ADD,
  ...setGlobal(0),
  ...[...getGlobal(0), ...MEMORY_SIZE, ...i32(16), ...SHL, ...GT_U],
  ...when(
    [...getGlobal(0), ...MEMORY_SIZE, ...i32(16), ...SHL, ...SUB, ...i32(16), ...SHR_U, ...i32(1), ...ADD],
    MEMORY_GROW,
    DROP,
  ),
  ...get(1),
];

/** Ways to never end. */
const LOOPS: Readonly<Record<string, WasmFunction>> = {
  "loop-branch": pointerFunction("forever", loop(branch(0)), UNREACHABLE),
  "loop-memory": pointerFunction("forever", loop(i32(0), i32(7), i32(65_536), MEMORY_FILL, branch(0)), UNREACHABLE),
  "loop-grow": pointerFunction("forever", loop(i32(0), MEMORY_GROW, DROP, branch(0)), UNREACHABLE),
  "loop-load": pointerFunction("forever", loop(i32(64), LOAD, DROP, branch(0)), UNREACHABLE),
  // Calls itself in a tail-less way, but only a few levels deep, again and again.
  "loop-call": pointerFunction("forever", loop(i32(HEAP), i32(1), call(1), branch(0)), UNREACHABLE),
};

export function wasmGuests(): ReadonlyMap<string, KitGuest> {
  const guests = new Map<string, KitGuest>();
  const nothing: WasmFunction = { params: ["i32", "i32"], code: [] };
  for (const [name, fn] of Object.entries(LOOPS))
    guests.set(name, pointerGuest({ functions: [fn, nothing] }, ["forever"]));
  guests.set("top-level-loop", started([...loop(branch(0))]));
  guests.set("top-level-throw", started(UNREACHABLE));
  guests.set("language", pointerGuest({ functions: [LANGUAGE], data: [{ at: 64, bytes: Buffer.from('"a! b!"') }] }));
  guests.set(
    "bad-result-utf8",
    pointerGuest({
      functions: [pointerFunction("run", packed(i32(64), i32(2)))],
      data: [{ at: 64, bytes: Uint8Array.of(0xc3, 0x28) }],
    }),
  );
  guests.set(
    "bad-result-surrogate",
    pointerGuest({
      functions: [pointerFunction("run", packed(i32(64), i32(3)))],
      data: [{ at: 64, bytes: Uint8Array.of(0xed, 0xa0, 0x80) }],
    }),
  );
  guests.set("bad-result-bounds", pointerGuest({ functions: [pointerFunction("run", packed(i32(64), i32(-1)))] }));
  guests.set("spin", pointerGuest({ functions: [SPIN], data: [{ at: 64, bytes: Buffer.from("1") }] }, ["spin"]));
  for (const [name, guest] of hostCallers()) guests.set(name, guest);
  return guests;
}

/** Guests that call the host function whose name lies at 64. */
function hostCallers(): [string, KitGuest][] {
  const parts = { imports: [HOST_CALL], data: [{ at: 64, bytes: Buffer.from(HOST_FUNCTION) }] };
  const answered = [...get(4), ...i64(32n), ...I64_SHR_U, ...WRAP, ...set(2), ...get(4), ...WRAP, ...set(3)];
  const withoutSign = packed([...get(2), ...i32(1), ...ADD], [...get(3), ...i32(1), ...SUB]);
  const caller = (name: string, ...check: Code[]): WasmFunction => ({
    name,
    params: ["i32", "i32"],
    results: ["i64"],
    locals: ["i32", "i32", "i64"],
    code: [
      ...[...i32(64), ...i32(HOST_FUNCTION.length), ...get(0), ...get(1), ...call(0), ...set(4)],
      ...[...answered, ...check.flat(), ...withoutSign],
    ],
  });
  // An answer that fails begins with "!"; what follows is the name and the message of what was thrown.
  const trap: Code = [...get(2), ...LOAD8_U, ...i32("=".charCodeAt(0)), ...NE, ...when(UNREACHABLE)];
  const atStart: WasmFunction = {
    code: [...i32(64), ...i32(HOST_FUNCTION.length), ...i32(80), ...i32(1), ...call(0), ...DROP],
  };
  const number = { at: 80, bytes: Buffer.from("1") };
  return [
    ["call-host", pointerGuest({ ...parts, functions: [caller("call", trap), caller("caught")] }, ["call", "caught"])],
    [
      "call-host-top-level",
      pointerGuest({
        ...parts,
        data: [...parts.data, number],
        functions: [pointerFunction("run", packed(i32(80), i32(1))), atStart],
        start: 2,
      }),
    ],
  ];
}

function started(code: Code): KitGuest {
  return pointerGuest({ functions: [pointerFunction("run", i64(0n)), { code }], start: 1 });
}

const LANGUAGE = pointerFunction("run", packed(i32(64), i32(7)));

/** Reads the payload's digits as a number of rounds, and runs as many. */
const SPIN: WasmFunction = pointerFunction(
  "spin",
  loop(
    [...get(2), ...i32(10), ...MUL],
    [...get(0), ...get(3), ...ADD, 0x2d, 0, 0, ...i32(48), ...SUB, ...ADD, ...set(2)],
    [...get(3), ...i32(1), ...ADD, ...set(3)],
    [...get(3), ...get(1), ...LT_U],
    branchIf(0),
  ),
  loop(
    [...get(4), ...i32(48_271), ...MUL, ...i32(11), ...ADD, ...set(4)],
    [...get(2), ...i32(1), ...SUB, ...set(2)],
    get(2),
    branchIf(0),
  ),
  // So that the rounds are not for nothing.
  [...i32(1024), ...get(4), 0x36, 2, 0],
  packed(i32(64), i32(1)),
);
