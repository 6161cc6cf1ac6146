import { readFile } from "node:fs/promises";
import { join } from "node:path";
import variant from "@jitl/quickjs-wasmfile-release-sync";
import { fixture } from "extruntime-fixtures";
import {
  newQuickJSWASMModuleFromVariant,
  type QuickJSContext,
  type QuickJSSyncVariant,
  type QuickJSWASMModule,
} from "quickjs-emscripten-core";
import { GUESTS } from "../paths.ts";
import type { Opened, OpenOptions } from "../subjects/subject.ts";

/** Ways to use quickjs-emscripten by hand, all with a guest that can be interrupted, as the engine's can. */

const STACK_BYTES = 128 * 1024;
const DISPATCH = "(fn, text) => JSON.stringify(globalThis[fn](JSON.parse(text)))";

/** A dispatcher that stays in the guest, and the library's public functions. */
export async function quickjsDispatcher(options: OpenOptions): Promise<Opened> {
  const { context, dispose } = await open(options);
  const dispatch = context.unwrapResult(context.evalCode(DISPATCH));
  const names = handles(context);
  function callSync(fn: string, payload: string): string {
    const text = context.newString(payload);
    const result = context.unwrapResult(context.callFunction(dispatch, context.undefined, names(fn), text));
    text.dispose();
    const answer = context.getString(result);
    result.dispose();
    return answer;
  }
  return { callSync, call: async (fn, payload) => callSync(fn, payload), close: dispose };
}

/** What is private to the library and not in its types; the floor is the floor, whatever it takes. */
interface Inside {
  readonly module: { _malloc(bytes: number): number };
  getFFI(): Record<
    "QTS_NewString" | "QTS_Call" | "QTS_ResolveException" | "QTS_GetString",
    (...args: number[]) => number
  > &
    Record<"QTS_FreeValuePointer" | "QTS_FreeCString", (context: number, value: number) => void>;
}

/** The same dispatcher, called through the functions that the library calls, with a text buffer that stays. */
export async function quickjsFfi(options: OpenOptions): Promise<Opened> {
  const { vm, context, dispose } = await open(options);
  const inside = vm as unknown as Inside;
  const ffi = inside.getFFI();
  const memory = vm.getWasmMemory();
  const dispatch = pointerOf(context.unwrapResult(context.evalCode(DISPATCH)));
  const names = handles(context);
  const ctx = pointerOf((context as unknown as { ctx: object }).ctx);
  const nothing = pointerOf(context.undefined);
  let capacity = 4096;
  let scratch = inside.module._malloc(capacity);
  const argv = inside.module._malloc(8);
  let bytes = Buffer.from(memory.buffer);

  function callSync(fn: string, payload: string): string {
    if (payload.length * 3 + 1 > capacity) {
      capacity = payload.length * 3 + 1;
      scratch = inside.module._malloc(capacity);
    }
    if (bytes.length === 0) bytes = Buffer.from(memory.buffer);
    bytes[scratch + bytes.write(payload, scratch)] = 0;
    const text = ffi.QTS_NewString(ctx, scratch);
    if (bytes.length === 0) bytes = Buffer.from(memory.buffer);
    bytes.writeUInt32LE(pointerOf(names(fn)), argv);
    bytes.writeUInt32LE(text, argv + 4);
    const result = ffi.QTS_Call(ctx, dispatch, nothing, 2, argv);
    ffi.QTS_FreeValuePointer(ctx, text);
    if (ffi.QTS_ResolveException(ctx, result) !== 0) throw new Error("the guest threw");
    const chars = ffi.QTS_GetString(ctx, result);
    if (bytes.length === 0) bytes = Buffer.from(memory.buffer);
    const answer = bytes.toString("utf8", chars, bytes.indexOf(0, chars));
    ffi.QTS_FreeCString(ctx, chars);
    ffi.QTS_FreeValuePointer(ctx, result);
    return answer;
  }
  return { callSync, call: async (fn, payload) => callSync(fn, payload), close: dispose };
}

/** What the library's examples show: source text made and evaluated for each call. */
export async function quickjsEval(options: OpenOptions): Promise<Opened> {
  const { context, dispose } = await open(options);
  function callSync(fn: string, payload: string): string {
    const code = `JSON.stringify(${fn}(JSON.parse(${JSON.stringify(payload)})))`;
    const result = context.unwrapResult(context.evalCode(code));
    const answer = context.getString(result);
    result.dispose();
    return answer;
  }
  return { callSync, call: async (fn, payload) => callSync(fn, payload), close: dispose };
}

async function open({ guest }: OpenOptions) {
  const vm: QuickJSWASMModule = await newQuickJSWASMModuleFromVariant(variant as unknown as QuickJSSyncVariant);
  const runtime = vm.newRuntime();
  runtime.setMaxStackSize(STACK_BYTES);
  runtime.setInterruptHandler(() => false);
  const context = runtime.newContext();
  const source = await readFile(sourceFile(guest), "utf8");
  context.unwrapResult(context.evalCode(source, "guest.js", { type: "global" })).dispose();
  // The process ends with the trial; handles of dispatchers are still alive, which the library would complain of.
  return { vm, context, dispose() {} };
}

function sourceFile(guest: OpenOptions["guest"]): string {
  if (guest === "validate") return join(fixture("validate-email/quickjs"), "validate.js");
  if (guest === "compute") return join(GUESTS, "compute/quickjs/compute.js");
  return join(fixture("guests/quickjs/loop"), "guest.js");
}

/** Handles of the functions' names, made once each. */
function handles(context: QuickJSContext) {
  const known = new Map<string, ReturnType<QuickJSContext["newString"]>>();
  return (name: string) => {
    const handle = known.get(name) ?? context.newString(name);
    known.set(name, handle);
    return handle;
  };
}

function pointerOf(lifetime: object): number {
  return (lifetime as { value: number }).value;
}
