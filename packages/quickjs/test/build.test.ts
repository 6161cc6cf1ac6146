import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { EXPORTS, RELEASE } from "../src/build.ts";
import { Wasm } from "../src/webassembly.ts";

/** The loader that quickjs-emscripten ships with the build: it has the C names beside the linker's. */
const loader = readFileSync(
  join(
    dirname(createRequire(import.meta.url).resolve("@jitl/quickjs-wasmfile-release-sync/wasm")),
    "emscripten-module.mjs",
  ),
  "utf8",
);

test.each(EXPORTS)("the export %s has the name that the build's own loader gives it", (cName) => {
  const pattern = new RegExp(`\\._${cName}\\s*=\\s*\\w+\\.([\\w$]+);`);
  expect(RELEASE.exportName(cName)).toBe(pattern.exec(loader)?.[1]);
});

test("the constructors have the name that the build's own loader calls", () => {
  expect(loader).toContain(`.${RELEASE.exportName("__wasm_call_ctors")}()`);
});

test("every import of the build is one of the table, and the other way round", () => {
  const wanted = Wasm.Module.imports(new Wasm.Module(readFileSync(RELEASE.path))).map(
    ({ module, name }) => `${module}.${name}`,
  );
  const known = Object.values(RELEASE.imports).map((names) => names.join("."));
  expect(known.sort()).toEqual(wanted.sort());
});

test.each([
  ["qts_host_call_function", /(\w):function\([\w,]+\)\{return \w+\.callbacks\.callFunction/],
  ["qts_host_interrupt_handler", /(\w):function\(\w+\)\{return \w+\.callbacks\.shouldInterrupt/],
  ["qts_host_load_module_source", /(\w):function\([\w,]+\)\{\w+=\w+\(\w+\);return \w+\.callbacks\.loadModuleSource/],
  [
    "qts_host_normalize_module",
    /(\w):function\([\w,]+\)\{\w+=\w+\(\w+\);\w+=\w+\(\w+\);return \w+\.callbacks\.normalizeModule/,
  ],
  ["qts_host_ref_free", /(\w):function\([\w,]+\)\{\w+\.callbacks\.freeHostRef/],
  ["__assert_fail", /(\w):\([\w,]+\)=>\w+\(`Assertion failed/],
  ["emscripten_date_now", /(\w):\(\)=>Date\.now\(\)/],
] as const)("the import %s has the name that the build's own loader gives it", (cName, pattern) => {
  expect(RELEASE.imports[cName][1]).toBe(pattern.exec(loader)?.[1]);
});
