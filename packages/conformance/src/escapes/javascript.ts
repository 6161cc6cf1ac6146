import type { Canary } from "../host/canary.ts";
import { javascript } from "../sources/javascript.ts";
import type { Escape } from "./escape.ts";
import { hostFunctionEscapes } from "./javascript-host-functions.ts";
import { nameEscapes } from "./javascript-names.ts";
import { hostileResults } from "./javascript-results.ts";

/** `reach` looks for the host's `process` from a function's realm; what is found ends the attempt as an escape. */
const REACH = `
const probe = "return typeof process !== 'undefined' && process.versions ? 'process' : typeof require === 'function' ? 'require' : ''";
const isName = (found) => typeof found === "string" && found !== "";
const reach = (thing) => {
  const seen = [];
  for (let o = thing, i = 0; o !== null && o !== undefined && i < 10; o = Object.getPrototypeOf(Object(o)), i++) {
    for (const get of [() => o.constructor.constructor, () => o.constructor, () => o.__proto__.constructor.constructor]) {
      try { const found = get()(probe)(); if (isName(found)) return found; } catch (error) { seen.push(error); }
    }
  }
  for (const error of seen) { try { const found = error.constructor.constructor(probe)(); if (isName(found)) return found; } catch {} }
  return "";
};
const escaped = (...things) => { for (const thing of things) { const how = reach(thing); if (how) return { escaped: how }; } return null; };
`;

/** `body` is that of `attempt(canary)`; `top` goes before it. */
function attempt(name: string, body: string, top = ""): Escape {
  return {
    name,
    guest: () => javascript(`${REACH}${top}\nexport function attempt(canary) {\n${body}\n}`, ["attempt"]),
  };
}

function attemptAsync(name: string, body: string): Escape {
  return {
    name,
    guest: () => javascript(`${REACH}\nexport async function attempt(canary) {\n${body}\n}`, ["attempt"]),
  };
}

/** A module with an import that is written out; the canary is known when it is made. */
function importing(name: string, specifier: (canary: Canary) => string): Escape {
  return {
    name,
    guest: (canary) =>
      javascript(
        `import * as found from ${JSON.stringify(specifier(canary))};\nexport function attempt() { return { escaped: Object.keys(found), value: found.default }; }`,
        ["attempt"],
      ),
  };
}

const HOST_NAMES =
  "process require module exports __filename __dirname Buffer global fetch WebSocket XMLHttpRequest EventSource Worker BroadcastChannel MessageChannel Deno Bun std os scriptArgs load loadScript loadFile readFile importScripts navigator localStorage setTimeout setInterval setImmediate";

/** Ways to the host's names, and to its functions by what is handed out. */
const REACHING: readonly Escape[] = [
  attempt(
    "finds no global of the host",
    `const names = ${JSON.stringify(HOST_NAMES)}.split(" ");\nreturn { escaped: names.filter((name) => typeof globalThis[name] !== "undefined") };`,
  ),
  attempt(
    "finds no global of the host by eval",
    'return { escaped: (0, eval)(\'typeof process !== "undefined" || typeof require !== "undefined"\') };',
  ),
  attempt(
    "constructor.constructor of its argument",
    "return escaped(canary, canary.file, canary.port, Object.keys(canary));",
  ),
  attempt(
    "constructor.constructor of its own function",
    "return escaped(attempt, attempt.constructor, async () => {}, function* () {}, async function* () {});",
  ),
  attempt(
    "constructor.constructor of console",
    "return escaped(console, console.log, console.error, console.log.bind(null), Object.getOwnPropertyDescriptors(console));",
  ),
  attempt(
    "constructor.constructor of the globals",
    "return escaped(...Reflect.ownKeys(globalThis).map((key) => { try { return globalThis[key]; } catch (error) { return error; } }));",
  ),
  attempt(
    "the prototype of the global object",
    "const seen = []; for (let o = globalThis; o; o = Object.getPrototypeOf(o)) seen.push(o); return escaped(...seen);",
  ),
  attempt(
    "what console.log returns and throws",
    "const seen = []; try { seen.push(console.log('x')); } catch (error) { seen.push(error); } for (const bad of [Symbol(), { toString() { throw 1; } }, Object.create(null), 1n, new Proxy({}, { get() { throw 2; } })]) { try { seen.push(console.log(bad)); } catch (error) { seen.push(error); } } return escaped(...seen);",
  ),
  attempt(
    "console.log by call, apply and new",
    "const seen = []; for (const go of [() => console.log.call(globalThis, 1), () => console.log.apply(undefined, { length: 2 ** 32 }), () => new console.log(1), () => Reflect.construct(console.log, [], Object), () => Reflect.apply(console.log, null, [{}])]) { try { seen.push(go()); } catch (error) { seen.push(error); } } return escaped(...seen);",
  ),
  attempt(
    "an error of the end of the stack",
    "let error; const deep = () => { deep(); }; try { deep(); } catch (e) { error = e; } return escaped(error, error.stack, error.constructor);",
  ),
  attempt(
    "an error of the end of the stack, thrown below console.log",
    "let found = null; const deep = () => { try { deep(); } catch {} try { console.log({ toString() { deep2(); } }); } catch (e) { found ??= escaped(e); } }; const deep2 = () => deep2(); try { deep(); } catch (e) { found ??= escaped(e); } return found;",
  ),
  attempt(
    "errors of the engine",
    "const seen = []; for (const go of [() => null.x, () => JSON.parse('{'), () => new Array(-1), () => 'x'.repeat(-1), () => decodeURIComponent('%'), () => new RegExp('('), () => 1n / 0n, () => undeclared, () => Symbol() + '']) { try { go(); } catch (e) { seen.push(e); } } return escaped(...seen);",
  ),
  attempt(
    "Error.prepareStackTrace",
    "Error.stackTraceLimit = 1000; let sites = []; Error.prepareStackTrace = (error, all) => { sites = all; return 'x'; }; try { String(new Error('x').stack); } catch {} const seen = []; for (const site of sites ?? []) for (const get of ['getThis', 'getFunction', 'getEvalOrigin', 'getScriptNameOrSourceURL']) { try { seen.push(site[get]()); } catch (e) { seen.push(e); } } return escaped(sites, ...(sites ?? []), ...seen);",
  ),
  attempt(
    "Error.captureStackTrace",
    "const holder = {}; if (Error.captureStackTrace) Error.captureStackTrace(holder, attempt); return escaped(holder, holder.stack);",
  ),
  {
    name: "arguments.callee.caller",
    guest: () => ({
      module: "guest.js",
      exports: ["attempt"],
      files: {
        "guest.js": `${REACH}\nfunction attempt() { const seen = []; let f = attempt; for (let i = 0; i < 20 && f; i++) { try { f = f.caller ?? (typeof f === 'function' && f.arguments ? f.arguments.callee.caller : null); } catch (e) { seen.push(e); break; } seen.push(f, f && f.arguments); } return escaped(...seen); }\nglobalThis.attempt = attempt;`,
      },
    }),
  },
  attempt(
    "Function of every kind",
    "const kinds = [function () {}, async function () {}, function* () {}, async function* () {}].map((f) => Object.getPrototypeOf(f).constructor); const seen = []; for (const kind of kinds) { try { const made = kind(probe); const found = made(); seen.push(made, found); if (isName(found)) return { escaped: found }; } catch (e) { seen.push(e); } } return escaped(...seen);",
  ),
  attempt(
    "this of a sloppy function",
    "const self = Function('return this')(); return self === undefined ? null : { escaped: typeof self.process !== 'undefined' ? 'process' : '' };",
  ),
  attempt("import.meta", "const found = import.meta; return escaped(found, found.url, found.resolve, found.dirname);"),
  attempt(
    "import.meta.resolve and the secret beside it",
    "return { escaped: import.meta.dirname ?? (String(import.meta.url).startsWith('file:') ? import.meta.url : '') };",
  ),
  attempt(
    "process.binding and its like",
    "const seen = []; for (const name of ['process', 'global', 'globalThis']) { try { const p = (0, eval)(name); seen.push(p.binding('fs'), p.dlopen, p.mainModule); } catch {} } return { escaped: seen.length };",
  ),
  attempt(
    "WeakRef, FinalizationRegistry and structuredClone",
    "const seen = []; for (const name of ['structuredClone', 'queueMicrotask', 'reportError', 'gc', '__collect', 'print', 'bjson']) if (typeof globalThis[name] === 'function') seen.push(globalThis[name]); for (const fn of seen) { try { seen.push(fn({})); } catch (e) { seen.push(e); } if (seen.length > 20) break; } return escaped(...seen);",
  ),
];

const IMPORTING: readonly Escape[] = [
  importing("imports node:fs", () => "node:fs"),
  importing("imports fs", () => "fs"),
  importing("imports node:child_process", () => "node:child_process"),
  importing("imports std", () => "std"),
  importing("imports os", () => "os"),
  importing("imports a file by its path", (canary) => canary.file),
  importing("imports a file by its URL", (canary) => `file://${canary.file}`),
  importing("imports a file by a relative path", (canary) => `${"../".repeat(30)}${canary.file.slice(1)}`),
  importing("imports code from a data: URL", () => "data:text/javascript,export default typeof process"),
  importing("imports over the network", (canary) => `http://127.0.0.1:${canary.port}/x.mjs`),
  ...["node:fs", "fs", "node:net", "node:worker_threads", "std", "os", "module"].map((name) =>
    attemptAsync(
      `import() of ${name}`,
      `let found; try { found = await import("${name}"); } catch (error) { return escaped(error); } return { escaped: Object.keys(found) };`,
    ),
  ),
  attemptAsync(
    "import() of the secret's path",
    "for (const path of [canary.file, 'file://' + canary.file, '../'.repeat(30) + canary.file.slice(1)]) { try { return { escaped: (await import(path)).default }; } catch (error) { if (escaped(error)) return escaped(error); } } return null;",
  ),
  attemptAsync(
    "import() with hostile specifiers",
    "for (const bad of [{ toString() { return canary.file; } }, Symbol(), { [Symbol.toPrimitive]() { throw new Error('p'); } }, '\\0', canary.file + '\\0.js', '', '.', './', 'x'.repeat(100000)]) { try { await import(bad); } catch (error) { if (escaped(error)) return escaped(error); } } return null;",
  ),
  attemptAsync(
    "the promise of import()",
    "const p = import('node:fs'); const caught = await p.catch((e) => e); return escaped(p, p.then, caught, caught && caught.constructor);",
  ),
];

/** What a leaky engine would let a guest do once it has `process`: each tries every way to it that it knows. */
const HOST = `
const host = (() => { for (const from of [globalThis, attempt, console, console.log]) { try { const p = from.process ?? from.constructor.constructor("return process")(); if (p) return p; } catch {} } })();
const need = (name) => host.getBuiltinModule ? host.getBuiltinModule(name) : host.mainModule.require(name);
`;

const DOING: readonly Escape[] = [
  attempt("reads a file", `${HOST} return need("fs").readFileSync(canary.file, "utf8");`),
  attempt(
    "reads an open file descriptor",
    `${HOST} const b = new Uint8Array(200); need("fs").readSync(canary.fd, b, 0, 200, 0); return String.fromCharCode(...b);`,
  ),
  attempt("writes a file", `${HOST} need("fs").writeFileSync(canary.marker, "x");`),
  attempt("writes over a file", `${HOST} need("fs").writeFileSync(canary.file, "x");`),
  attempt("reads the environment", `${HOST} return host.env[canary.env];`),
  attempt("changes the environment", `${HOST} host.env[canary.env] = "x";`),
  attempt("changes the working directory", `${HOST} host.chdir("/");`),
  attempt("sets the exit code", `${HOST} host.exitCode = 7;`),
  attempt("starts a process", `${HOST} need("child_process").execFileSync("touch", [canary.marker]);`),
  attempt("opens a connection", `${HOST} need("net").connect(canary.port, "127.0.0.1");`),
  attempt(
    "opens a connection by fetch",
    "const answer = fetch('http://127.0.0.1:' + canary.port + '/'); answer.catch(() => {}); return null;",
  ),
  attempt("ends the process", `${HOST} host.exit(3);`),
  attempt("adds a global to the host", `${HOST} host.constructor.constructor("return globalThis")().polluted = 1;`),
  attempt("throws into the host later", `${HOST} host.nextTick(() => { throw new Error("late"); });`),
];

export const javascriptEscapes: readonly Escape[] = [
  ...REACHING,
  ...IMPORTING,
  ...DOING,
  ...nameEscapes,
  ...hostileResults(attempt),
  ...hostFunctionEscapes(REACH),
];
