// What one call costs, as ratios to the bare JavaScript loop and to the best use of quickjs-emscripten that we could
// write by hand, all in one process. Figures are medians of interleaved rounds.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { quickjs } from "@extruntime/quickjs";
import variant from "@jitl/quickjs-wasmfile-release-sync";
import { createRuntime } from "extruntime/engine";
import { newQuickJSWASMModuleFromVariant } from "quickjs-emscripten-core";
import { RELEASE } from "../dist/build.js";
import { quickjsEngine } from "../dist/engine.js";

const FIXTURE = fileURLToPath(new URL("../../../fixtures/validate-email/quickjs/", import.meta.url));
const GUESTS = {
  "the fixture": readFileSync(`${FIXTURE}validate.js`, "utf8"),
  "a guest that returns its value": "function validate(value) { return value }",
};
const PAYLOAD = '{"email":"Ada@Example.org","age":36}';
const ROUNDS = Number(process.env.ROUNDS ?? 41);
const CALLS = 1000;
// Rounds before those that count: V8 compiles WebAssembly anew, function by function, while it runs.
const WARM_UP = 30;
const STACK_BYTES = 128 * 1024;

const runtime = quickjs();
const released = createRequire(import.meta.url).resolve("@jitl/quickjs-wasmfile-release-sync/wasm");
const onReleased = createRuntime(quickjsEngine({}, { ...RELEASE, path: released }), {});
for (const [name, source] of Object.entries(GUESTS)) await compare(name, source);
await runtime.close();
await onReleased.close();

async function compare(guest, source) {
  const bare = new Function(`${source}; return (text) => JSON.stringify(validate(JSON.parse(text)))`)();
  const extension = {
    manifest: { name: "guest", runtime: "quickjs", module: "guest.js", exports: ["validate"] },
    files: { "guest.js": source },
  };
  const module = await runtime.load(extension);
  const moduleOnReleased = await onReleased.load(extension);
  const ways = {
    "bare JavaScript": () => bare(PAYLOAD),
    "extruntime, invokeSync": () => module.invokeSync("validate", PAYLOAD),
    "extruntime on the released build": () => moduleOnReleased.invokeSync("validate", PAYLOAD),
    "quickjs-emscripten, resident dispatcher, public API": await publicApi(source),
    "quickjs-emscripten, resident dispatcher, its FFI by hand": await ffiByHand(source),
    "quickjs-emscripten, evalCode per call": await evalPerCall(source),
  };
  for (const [name, call] of Object.entries(ways))
    if (call() !== bare(PAYLOAD)) throw new Error(`${name} answers ${call()}, not ${bare(PAYLOAD)}`);
  const times = measure(ways);
  times["extruntime, await invoke"] = await measureAsync(module);
  print(guest, times);
}

function print(guest, times) {
  const base = times["bare JavaScript"];
  const byHand = Object.keys(times).filter((name) => name.includes("resident"));
  const best = Math.min(...byHand.map((name) => times[name]));
  const evaluated = times["quickjs-emscripten, evalCode per call"];
  console.log(`\n| ${guest} | µs | × bare | × best by hand | × evalCode |\n| --- | --- | --- | --- | --- |`);
  for (const [name, time] of Object.entries(times)) {
    const ratios = [(time / base).toFixed(1), (time / best).toFixed(2), (time / evaluated).toFixed(2)];
    console.log(`| ${name} | ${time.toFixed(2)} | ${ratios.join(" | ")} |`);
  }
}

async function context(source) {
  const vm = await newQuickJSWASMModuleFromVariant(variant);
  const quick = vm.newRuntime();
  quick.setMaxStackSize(STACK_BYTES);
  // As in the engine: a guest that cannot be interrupted is of no use.
  quick.setInterruptHandler(() => false);
  const ctx = quick.newContext();
  ctx.unwrapResult(ctx.evalCode(source, "guest.js", { type: "global" })).dispose();
  return { vm, quick, ctx };
}

async function publicApi(source) {
  const { ctx } = await context(source);
  const dispatch = ctx.unwrapResult(ctx.evalCode("(text) => JSON.stringify(validate(JSON.parse(text)))"));
  return () => {
    const text = ctx.newString(PAYLOAD);
    const result = ctx.callFunction(dispatch, ctx.undefined, text);
    text.dispose();
    const answer = ctx.getString(result.value);
    result.value.dispose();
    return answer;
  };
}

async function ffiByHand(source) {
  const { vm, quick, ctx } = await context(source);
  const ffi = vm.getFFI();
  const memory = vm.getWasmMemory();
  const dispatch = ctx.unwrapResult(ctx.evalCode("(text) => JSON.stringify(validate(JSON.parse(text)))")).value;
  const pointer = ctx.ctx.value;
  const nothing = ctx.undefined.value;
  const scratch = vm.module._malloc(4096);
  const argv = vm.module._malloc(4);
  let bytes = Buffer.from(memory.buffer);
  return () => {
    if (bytes.length === 0) bytes = Buffer.from(memory.buffer);
    bytes[scratch + bytes.write(PAYLOAD, scratch)] = 0;
    const text = ffi.QTS_NewString(pointer, scratch);
    bytes.writeUInt32LE(text, argv);
    const result = ffi.QTS_Call(pointer, dispatch, nothing, 1, argv);
    ffi.QTS_FreeValuePointer(pointer, text);
    if (ffi.QTS_ResolveException(pointer, result) !== 0) throw new Error("the guest threw");
    const chars = ffi.QTS_GetString(pointer, result);
    if (bytes.length === 0) bytes = Buffer.from(memory.buffer);
    const answer = bytes.toString("utf8", chars, bytes.indexOf(0, chars));
    ffi.QTS_FreeCString(pointer, chars);
    // Promises must settle before a call returns.
    if (ffi.QTS_IsJobPending(quick.rt.value) !== 0) quick.executePendingJobs();
    ffi.QTS_FreeValuePointer(pointer, result);
    return answer;
  };
}

async function evalPerCall(source) {
  const { ctx } = await context(source);
  return () => {
    const result = ctx.unwrapResult(ctx.evalCode(`JSON.stringify(validate(JSON.parse(${JSON.stringify(PAYLOAD)})))`));
    const answer = ctx.getString(result);
    result.dispose();
    return answer;
  };
}

function measure(calls) {
  const times = Object.fromEntries(Object.keys(calls).map((name) => [name, []]));
  for (let round = -WARM_UP; round < ROUNDS; round++)
    for (const [name, call] of Object.entries(calls)) {
      const started = performance.now();
      for (let i = 0; i < CALLS; i++) call();
      if (round >= 0) times[name].push(((performance.now() - started) * 1000) / CALLS);
    }
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)]));
}

async function measureAsync(module) {
  const times = [];
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    const started = performance.now();
    for (let i = 0; i < CALLS; i++) await module.invoke("validate", PAYLOAD);
    if (round >= 0) times.push(((performance.now() - started) * 1000) / CALLS);
  }
  return median(times);
}

function median(list) {
  return [...list].sort((a, b) => a - b)[list.length >> 1];
}
