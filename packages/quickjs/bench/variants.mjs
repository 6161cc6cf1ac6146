// Which build of QuickJS? Runs the same probes on Bellard's QuickJS and on QuickJS-ng, both built by quickjs-emscripten,
// and prints one table. Call times are medians of interleaved rounds in this one process; only their ratios travel.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { newQuickJSWASMModuleFromVariant } from "quickjs-emscripten-core";

const BUILDS = ["quickjs", "quickjs-ng"];
const STACK_BYTES = 128 * 1024;
const GUEST = readFileSync(new URL("../../../fixtures/validate-email/quickjs/validate.js", import.meta.url), "utf8");
const PAYLOAD = '{"email":"Ada@Example.org","age":36}';
const require = createRequire(import.meta.url);

const variants = {};
const columns = {};
for (const build of BUILDS) {
  variants[build] = (await import(`@jitl/${build}-wasmfile-release-sync`)).default;
  columns[build] = {};
}
await timeCalls();
for (const build of BUILDS) {
  await size(build);
  await language(build);
  await robustness(build);
}
print();

async function timeCalls() {
  const round = {};
  for (const build of BUILDS) {
    const { context, evaluate } = await fresh(build);
    evaluate(GUEST).dispose();
    const dispatch = evaluate("(text) => JSON.stringify(validate(JSON.parse(text)))");
    const call = () => {
      const text = context.newString(PAYLOAD);
      const result = context.unwrapResult(context.callFunction(dispatch, context.undefined, text));
      const answer = context.getString(result);
      text.dispose();
      result.dispose();
      return answer;
    };
    round[build] = perCall(call, 2000);
    const heavy = evaluate(
      "(() => { let s = 0; for (let i = 0; i < 300000; i++) s = (s * 31 + i) % 65521; return s; })",
    );
    round[`${build} loop`] = perCall(
      () => context.unwrapResult(context.callFunction(heavy, context.undefined)).dispose(),
      1,
    );
  }
  const times = interleaved(round, 31);
  for (const build of BUILDS) {
    columns[build]["fixture call, µs"] = times[build].toFixed(2);
    columns[build]["fixture call, relative"] = (times[build] / times.quickjs).toFixed(2);
    columns[build]["300,000 loop turns, relative"] = (times[`${build} loop`] / times["quickjs loop"]).toFixed(2);
  }
}

async function size(build) {
  const bytes = readFileSync(require.resolve(`@jitl/${build}-wasmfile-release-sync/wasm`));
  const column = columns[build];
  column["wasm, KB"] = (bytes.length / 1024).toFixed(0);
  column["compile, ms"] = median(Array.from({ length: 7 }, () => elapsed(() => new WebAssembly.Module(bytes)))).toFixed(
    1,
  );
  const loads = [];
  for (let i = 0; i < 7; i++) {
    const started = performance.now();
    (await fresh(build)).close();
    loads.push(performance.now() - started);
  }
  column["module + context through the library, ms"] = median(loads).toFixed(1);
  const { runtime, evaluate, context, close } = await fresh(build);
  column["context, ms"] = median(
    Array.from({ length: 9 }, () => elapsed(() => runtime.newContext().dispose())),
  ).toFixed(2);
  evaluate(GUEST).dispose();
  const usage = runtime.computeMemoryUsage();
  column["heap of one instance, KB"] = (context.dump(usage).memory_used_size / 1024).toFixed(0);
  usage.dispose();
  close();
}

async function language(build) {
  const column = columns[build];
  column["laxer JSON.parse than JSON"] = await accepted(build);
  column["JSON.stringify of a lone surrogate"] = await show(build, `JSON.stringify("\\ud800")`);
  column["string with a lone surrogate through JSON"] = await show(
    build,
    `JSON.parse('"\\ud800"').charCodeAt(0) === 0xd800`,
  );
  column["stack of an error"] = await show(
    build,
    `function f() {\n  throw new TypeError("x");\n}\ntry { f() } catch (e) { e.stack.trim().split("\\n").map((l) => l.trim()).join(" | ") }`,
  );
  column["file and line of a syntax error"] = await show(build, `let a = 1;\nlet b = = 2;`);
  column["endless recursion throws"] = await show(build, `function f() { f() } try { f() } catch (e) { e.name }`);
  column["frames until then (128 KB)"] = await show(
    build,
    `let n = 0; function f() { n++; f() } try { f() } catch { n }`,
  );
  column["JSON.parse of 100,000 levels throws"] = await show(
    build,
    `try { JSON.parse("[".repeat(1e5)) } catch (e) { e.name }`,
  );
  const features = [
    "Array.prototype.at",
    "Array.fromAsync",
    "Object.groupBy",
    "Promise.withResolvers",
    "Promise.try",
    "Iterator.prototype.map",
    "Set.prototype.union",
    "Error.isError",
    "RegExp.escape",
    "Math.sumPrecise",
    "Uint8Array.fromBase64",
    "WeakRef",
    "structuredClone",
    "Atomics",
    "String.prototype.isWellFormed",
    "Error.captureStackTrace",
    "Error.prepareStackTrace",
    "Intl",
  ];
  const missing = [];
  for (const name of features) {
    const found = await show(
      build,
      `(() => { try { return ${name} !== undefined || ${name.replace(/\.(\w+)$/, ' && "$1" in ').replace(/^(.*) && ("\w+" in )$/, "$2$1")} } catch { return false } })()`,
    );
    if (found !== "true") missing.push(name);
  }
  column["missing of the features probed"] = missing.join(" ");
}

async function robustness(build) {
  const column = columns[build];
  column["catch-all loop is interrupted"] = await show(
    build,
    `for (;;) { try { for (;;); } catch {} finally { continue; } }`,
    { ms: 50 },
  );
  column["exponential regular expression is interrupted"] = await show(build, `/^(a+)+$/.test("a".repeat(40) + "b")`, {
    ms: 50,
  });
  column["memory limit, array that grows"] = await show(
    build,
    `const a = []; for (;;) a.push("x".repeat(10000) + a.length)`,
    { memory: 8e6 },
  );
  column["linear memory after JS_SetMemoryLimit of 16 MB was hit, MB"] = await grownTo(build, 16e6);
  column["memory limit is catchable"] = await show(
    build,
    `const a = []; try { for (;;) a.push(new Array(1e5).fill(1)) } catch (e) { String(e?.name) }`,
    { memory: 8e6 },
  );
  for (const [label, code] of [
    [
      "10,000 levels through JSON.stringify",
      "let a = []; for (let i = 0; i < 1e4; i++) a = [a]; try { JSON.stringify(a).length } catch (e) { e.name }",
    ],
    ["100,000 parentheses as source", `try { (0, eval)("(".repeat(1e5)) } catch (e) { e.name }`],
    [
      "100,000 levels through flat",
      "let a = []; for (let i = 0; i < 1e5; i++) a = [a]; try { a.flat(Infinity).length } catch (e) { e.name }",
    ],
    ["toString that calls itself", "const o = { toString() { return '' + o } }; try { '' + o } catch (e) { e.name }"],
  ])
    column[label] = await show(build, code);
}

async function grownTo(build, memory) {
  const { context, module } = await fresh(build, { memory });
  const result = context.evalCode("const kept = []; for (;;) kept.push(new Array(1000).fill(0))");
  result.error.dispose();
  return (module.getWasmMemory().buffer.byteLength / 1e6).toFixed(0);
}

async function accepted(build) {
  const { context, evaluate, close } = await fresh(build);
  const lax = [];
  const parse = evaluate("(text) => { try { JSON.parse(text); return true } catch { return false } }");
  for (const text of [
    "01",
    "-01",
    "1.",
    ".5",
    "+1",
    "0x1",
    "1e",
    "NaN",
    "Infinity",
    "-",
    "'a'",
    '"\t"',
    '"\n"',
    '"\\x41"',
    '"\\u00G0"',
    '"\\0"',
    "[1,]",
    '{"a":1,}',
    "{a:1}",
    "[1 2]",
    "//c\n1",
    "/*c*/1",
    "\u00a01",
    "\ufeff1",
    "\v1",
    "",
    " ",
    "undefined",
    "1 2",
    "tru",
    "nul",
    '{"a"}',
    "[,]",
    "\u20281",
    '"\u007f"x',
    "0b1",
    "1_0",
  ]) {
    const handle = context.newString(text);
    const result = context.unwrapResult(context.callFunction(parse, context.undefined, handle));
    if (context.dump(result)) lax.push(JSON.stringify(text));
    handle.dispose();
    result.dispose();
  }
  parse.dispose();
  close();
  return lax.length === 0 ? "none" : lax.join(" ");
}

async function show(build, code, limits = {}) {
  const { context, close } = await fresh(build, limits);
  try {
    const result = context.evalCode(code, "guest.js", { type: "global" });
    const dumped = context.dump(result.error ?? result.value);
    (result.error ?? result.value).dispose();
    const text = result.error
      ? `throws ${dumped?.name}: ${dumped?.message} ${String(dumped?.stack ?? "")
          .trim()
          .split("\n")[0]
          .trim()}`
      : String(dumped);
    close();
    return text;
  } catch (error) {
    return `host stack or wasm trap: ${error.name}: ${error.message}`;
  }
}

async function fresh(build, { ms, memory } = {}) {
  const module = await newQuickJSWASMModuleFromVariant(variants[build]);
  const runtime = module.newRuntime();
  runtime.setMaxStackSize(STACK_BYTES);
  if (memory !== undefined) runtime.setMemoryLimit(memory);
  const end = performance.now() + (ms ?? 5000);
  if (ms !== undefined) runtime.setInterruptHandler(() => performance.now() > end);
  const context = runtime.newContext();
  const evaluate = (code) => context.unwrapResult(context.evalCode(code, "guest.js", { type: "global" }));
  return {
    module,
    context,
    runtime,
    evaluate,
    close: () => {
      context.dispose();
      runtime.dispose();
    },
  };
}

function perCall(run, calls) {
  return () =>
    elapsed(() => {
      for (let i = 0; i < calls; i++) run();
    }) *
    (1000 / calls);
}

function interleaved(rounds, count) {
  const times = Object.fromEntries(Object.keys(rounds).map((name) => [name, []]));
  for (let i = -3; i < count; i++)
    for (const [name, run] of Object.entries(rounds)) {
      const time = run();
      if (i >= 0) times[name].push(time);
    }
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)]));
}

function elapsed(run) {
  const started = performance.now();
  run();
  return performance.now() - started;
}

function median(list) {
  return [...list].sort((a, b) => a - b)[list.length >> 1];
}

function print() {
  console.log(`| | ${BUILDS.join(" | ")} |\n| --- | --- | --- |`);
  for (const row of Object.keys(columns.quickjs))
    console.log(`| ${row} | ${BUILDS.map((build) => columns[build][row].replaceAll("|", "·")).join(" | ")} |`);
}
