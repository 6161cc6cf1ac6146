// https://pyodide.org/en/stable/usage/api/js-api.html: `loadPyodide`, and a PyProxy of a function that is kept; strings are converted
// without proxies, so that nothing has to be destroyed after a call.
import { readFile } from "node:fs/promises";
import { loadPyodide } from "pyodide";

const SOURCE = new URL("../../fixtures/validate-email/pyvm/validate.py", import.meta.url);
const COMPUTE = new URL("../guests/compute/pyvm/compute.py", import.meta.url);
const DISPATCH = `
import json
def dispatch(fn, text):
    return json.dumps(globals()[fn](json.loads(text)))
dispatch
`;

export async function open({ guest }) {
  const python = await loadPyodide();
  python.runPython(await readFile(guest === "compute" ? COMPUTE : SOURCE, "utf8"));
  const dispatch = python.runPython(DISPATCH);
  const callSync = (fn, payload) => dispatch(fn, payload);
  return { callSync, call: async (fn, payload) => callSync(fn, payload), close() {} };
}
