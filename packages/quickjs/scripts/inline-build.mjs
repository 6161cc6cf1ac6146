// Makes build/quickjs.wasm: the released build of quickjs-emscripten, which its makers optimise for size, mended
// (mend-build.mjs), its small functions inlined by Binaryen, which takes a quarter off a call, and with ticks, by which a deadline stops its builtins.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { addTicks, readShape } from "@extruntime/wasm/machine";
import { mendBuild } from "./mend-build.mjs";

const require = createRequire(import.meta.url);
const released = require.resolve("@jitl/quickjs-wasmfile-release-sync/wasm");
const binaryen = join(dirname(require.resolve("binaryen")), "bin");
const folder = fileURLToPath(new URL("../build/", import.meta.url));
const made = join(folder, "quickjs.wasm");

// What the released build uses of WebAssembly, so that nothing else comes in.
const FEATURES = ["bulk-memory", "bulk-memory-opt", "sign-ext", "mutable-globals", "nontrapping-float-to-int"];
// Instructions up to which a function is inlined: always, where it calls nothing and has no loop, and with one caller.
// Twice as much makes the file half as large again and a call no faster.
const INLINING = ["--always-inline-max-function-size=30", "--flexible-inline-max-function-size=120"];
INLINING.push("--one-caller-inline-max-function-size=500");

// The interpreter's own loop and that of regular expressions look at the deadline by themselves.
const DISPATCH_TARGETS = 24;

mkdirSync(folder, { recursive: true });
const stamp = join(folder, "made-from.txt");
const scripts = [import.meta.url, new URL("mend-build.mjs", import.meta.url)].map((url) => fileURLToPath(url));
const ticks = dirname(fileURLToPath(import.meta.resolve("@extruntime/wasm/machine")));
const ticking = [
  "ticks/ticks.js",
  "ticks/tick-code.js",
  "ticks/call-costs.js",
  "ticks/function-work.js",
  "ticks/opcodes.js",
];
const sources = [
  ...[released, ...scripts, require.resolve("binaryen/package.json")],
  ...ticking.map((file) => join(ticks, file)),
];
const hash = sources.reduce((all, path) => all.update(readFileSync(path)), createHash("sha256")).digest("hex");
// It takes half a minute, so it is done once per version.
if (!existsSync(made) || !existsSync(stamp) || readFileSync(stamp, "utf8") !== hash) make();

function make() {
  const features = FEATURES.map((name) => `--enable-${name}`);
  const text = `${made}.wat`;
  run("wasm-dis", [...features, released, "-o", text]);
  writeFileSync(text, mendBuild(readFileSync(text, "utf8")));
  run("wasm-opt", [...features, "-O4", ...INLINING, text, "-o", `${made}.new`]);
  rmSync(text);
  const optimised = readFileSync(`${made}.new`);
  writeFileSync(
    `${made}.new`,
    addTicks(optimised, readShape(optimised), { dispatchTargets: DISPATCH_TARGETS, callsEndSoon: true }),
  );
  renameSync(`${made}.new`, made);
  copyFileSync(
    join(dirname(require.resolve("@jitl/quickjs-wasmfile-release-sync/package.json")), "LICENSE"),
    join(folder, "LICENSE-QuickJS"),
  );
  writeFileSync(stamp, hash);
}

function run(tool, options) {
  execFileSync(process.execPath, [join(binaryen, tool), ...options], { stdio: "inherit" });
}
