import { BUMP, HOST_CALL, type PointerGuest, packed, pointerFunction, pointerGuest } from "../sources/wasm.ts";
import {
  ADD,
  AND,
  type Code,
  call,
  DROP,
  EQZ,
  get,
  getGlobal,
  i32,
  MEMORY_GROW,
  MEMORY_SIZE,
  RETURN,
  SHL,
  setGlobal,
  UNREACHABLE,
  type WasmImport,
  when,
} from "../sources/wasm-assembler.ts";
import type { Escape } from "./escape.ts";

const GRANTED = ["kit.echo", "kit.later", "kit.fail"];

/** Where texts lie that attempts call with. */
const TEXTS = {
  echo: [64, "kit.echo"],
  fail: [96, "kit.fail"],
  secret: [112, "kit.secret"],
  list: [136, "[1,2]"],
  notJson: [152, "{x"],
  notUtf8: [160, Uint8Array.of(0x22, 0xc3, 0x28, 0x22)],
} as const;

type Text = readonly [pointer: number, length: number];

const DATA = Object.values(TEXTS).map(([at, text]) => ({ at, bytes: Buffer.from(text) }));

function at(name: keyof typeof TEXTS): Text {
  const [pointer, text] = TEXTS[name];
  return [pointer, Buffer.from(text).byteLength];
}

/** Calls the host; its answer's place is left as an i64, which is fit for a result. */
function hostCall(name: Text, payload: Text = at("list")): Code {
  return [...[...name, ...payload].flatMap((value) => i32(value)), ...call(0)];
}

function guest(name: string, parts: PointerGuest, permissions: readonly string[] = GRANTED): Escape {
  const all = { imports: [HOST_CALL], data: DATA, ...parts };
  return { name: `host functions: ${name}`, permissions, guest: () => pointerGuest(all, ["attempt"]) };
}

function attempt(name: string, ...code: Code[]): Escape {
  return guest(name, { functions: [pointerFunction("attempt", ...code)] });
}

const OUTSIDE: readonly Text[] = [
  [-1, 1],
  [65_535, 2],
  [-0x80000000, -0x80000000],
  [64, -1],
];

const PLACES: readonly Escape[] = OUTSIDE.flatMap((place) => {
  const words = `${place[1] >>> 0} bytes at ${place[0] >>> 0}`;
  return [
    attempt(`a name of ${words}`, hostCall(place)),
    attempt(`a payload of ${words}`, hostCall(at("echo"), place)),
  ];
});

const NAMES: readonly Escape[] = [
  attempt("one that was not granted", hostCall(at("secret"))),
  attempt("no name and no payload", hostCall([64, 0], [64, 0])),
  attempt("a name that is no UTF-8", hostCall(at("notUtf8"))),
  attempt("a payload that is no JSON", hostCall(at("echo"), at("notJson"))),
  attempt("a payload that is no UTF-8", hostCall(at("echo"), at("notUtf8"))),
  attempt("a payload that is the whole memory", hostCall(at("echo"), [0, 65_536])),
  attempt("one that fails", hostCall(at("fail"))),
  guest("without a permission", { functions: [pointerFunction("attempt", hostCall(at("secret")))] }, []),
];

/** An allocator that works until the host is called, and then for the answer does `lie`, which leaves an i32. */
function lying(name: string, lie: Code): Escape {
  const code = [...getGlobal(1), ...when([...lie, ...RETURN]), ...BUMP];
  return guest(`an answer for an allocator that ${name}`, {
    functions: [pointerFunction("attempt", [...i32(1), ...setGlobal(1)], hostCall(at("echo")))],
    globals: [0],
    alloc: { code },
  });
}

const END: Code = [...MEMORY_SIZE, ...i32(16), ...SHL];

const ALLOCATORS: readonly Escape[] = [
  ...[0, -1, 65_535].map((pointer) => lying(`answers ${pointer >>> 0}`, i32(pointer))),
  lying("answers where the name lies", i32(64)),
  lying("grows the memory and answers its end", [...i32(1), ...MEMORY_GROW, ...DROP, ...END]),
  lying("grows the memory as far as it can", [...i32(65_535), ...MEMORY_GROW, ...DROP, ...i32(256)]),
  lying("traps", UNREACHABLE),
  lying("calls the host", [...hostCall(at("echo")), ...DROP, ...i32(256)]),
  lying("calls the host once more", [...i32(0), ...setGlobal(1), ...hostCall(at("echo")), ...DROP, ...i32(256)]),
  guest("a free that calls the host", {
    functions: [pointerFunction("attempt", hostCall(at("echo")))],
    free: { code: [...hostCall(at("echo")), ...DROP] },
  }),
];

const DEPTHS: readonly Escape[] = [
  guest("calls all the way to the end of the stack", {
    functions: [
      pointerFunction("attempt", i32(0), call(2), hostCall(at("echo"))),
      {
        params: ["i32"],
        code: [
          // One in 64 levels, since there are many.
          ...[...get(0), ...i32(63), ...AND, ...EQZ, ...when([...hostCall(at("echo")), ...DROP])],
          ...[...get(0), ...i32(1), ...ADD, ...call(2)],
        ],
      },
    ],
  }),
  guest("the payload of its own call, freed before", {
    functions: [
      pointerFunction(
        "attempt",
        [...get(0), ...get(1), ...call(3)],
        hostCall(at("echo")),
        DROP,
        packed(get(0), get(1)),
      ),
    ],
  }),
  guest("a start function that calls one", {
    functions: [pointerFunction("attempt", hostCall(at("echo"))), { code: [...hostCall(at("echo")), ...DROP] }],
    start: 2,
  }),
];

const IMPORTS: readonly Escape[] = [
  ["host_call", ["i32", "i32", "i32", "i32"], ["i32"]],
  ["host_call", ["i64", "i64", "i64", "i64"], ["i64"]],
  ["kit.secret", HOST_CALL.params, HOST_CALL.results],
  ["constructor", HOST_CALL.params, HOST_CALL.results],
  ["__proto__", HOST_CALL.params, HOST_CALL.results],
].map((row) => {
  const [name, params, results] = row as [string, WasmImport["params"], WasmImport["results"]];
  const push = params.flatMap((type) => (type === "i64" ? [0x42, 0] : i32(64)));
  return guest(`imports ${name} of (${params.join(", ")}) -> ${results.join()}`, {
    imports: [{ module: HOST_CALL.module, name, params, results }],
    functions: [pointerFunction("attempt", push, call(0), DROP, packed(get(0), get(1)))],
  });
});

export const hostFunctionEscapes: readonly Escape[] = [...NAMES, ...PLACES, ...ALLOCATORS, ...DEPTHS, ...IMPORTS];
