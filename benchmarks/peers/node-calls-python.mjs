// https://github.com/hmenyus/node-calls-python#examples: `py.import`, then `py.callSync` and `py.call` with objects, which it converts; handing it
// JSON text for Python's json to parse was seen to take twice the time.
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const { interpreter } = createRequire(import.meta.url)("node-calls-python");
const SOURCES = {
  validate: new URL("../../fixtures/validate-email/pyvm/validate.py", import.meta.url),
  compute: new URL("../guests/compute/pyvm/compute.py", import.meta.url),
};

export async function open({ guest }) {
  const module = await interpreter.import(fileURLToPath(SOURCES[guest]));
  return {
    callSync: (fn, payload) => JSON.stringify(interpreter.callSync(module, fn, JSON.parse(payload))),
    call: async (fn, payload) => JSON.stringify(await interpreter.call(module, fn, JSON.parse(payload))),
    close() {},
  };
}
