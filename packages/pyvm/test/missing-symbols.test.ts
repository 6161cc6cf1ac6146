import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { nightly } from "../../../fixtures/index.js";
import { cpython, hasOwnGil } from "./guest.ts";

const child = fileURLToPath(new URL("missing-symbols-child.mjs", import.meta.url));
const api = readFileSync(new URL("../native/cpython/python_api.h", import.meta.url), "utf8");

/** The names of one of the lists in python_api.h. */
function names(list: string): string[] {
  const text = new RegExp(`#define ${list}\\(X\\)[^]*?\\n\\n`).exec(api)![0];
  return [...text.matchAll(/X\([^,]+?\*?, (\w+)/g)].map((found) => found[1]!);
}

const optional = [...names("PYVM_OPTIONAL_FUNCTIONS"), ...names("PYVM_OPTIONAL_DATA")];

async function without(missing: string): Promise<Record<string, unknown>> {
  const env = { ...process.env, PYVM_PYTHON: cpython.executable, PYVM_TEST_WITHOUT: missing };
  const { stdout } = await promisify(execFile)(process.execPath, [child], { env });
  return JSON.parse(stdout.trim().split("\n").at(-1)!) as Record<string, unknown>;
}

/** The guest's code is stopped, and the interpreter serves on; Python knows where it is installed. */
const works = [true, true, "ERR_EXT_TIMEOUT", 1, [cpython.executable, true]];
const noIsolation = expect.stringMatching(/no interpreters with a GIL of their own.*"interpreter": "shared"/);

test("the list of what is not indispensable is read", () => {
  expect(optional).toEqual(
    expect.arrayContaining(["Py_NewInterpreterFromConfig", "Py_SetProgramName", "PyModuleDef_Type"]),
  );
});

test("a missing function costs a capability, and never the engine", async () => {
  // Without either, a CPython that was moved finds nothing of its own.
  const either = optional.filter((name) => !/InitConfig/.test(name));
  const together = either.filter((name) => name !== "Py_NewInterpreterFromConfig").join(",");
  const waiting = nightly ? [...optional, together] : ["Py_NewInterpreterFromConfig", together];
  const told: [string, Record<string, unknown>][] = [];
  for (const missing of waiting) told.push([missing, await without(missing)]);
  for (const [missing, { isolated, shared }] of told) {
    expect(shared, missing).toEqual(works);
    expect(isolated, missing).toEqual(hasOwnGil && missing !== "Py_NewInterpreterFromConfig" ? works : noIsolation);
  }
});

test("what the engine cannot do without is named", async () => {
  const told = await without("PyDict_New,PyCoro_Type");
  expect(told.shared).toMatch(/it lacks PyDict_New PyCoro_Type/);
});
