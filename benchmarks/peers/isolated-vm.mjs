// https://github.com/laverdet/isolated-vm#api-documentation: `Reference.applySync` and `Reference.apply` on a function that stays in the isolate,
// with strings, which cross without a copy of an object. The README's version table says which version is for which Node.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

/** Two copies of the addon in one process are the end of it: beside the v8 engine, `from` says whose copy to use. */
async function load(from) {
  if (from !== undefined) return createRequire(from)("isolated-vm");
  const major = Number(process.versions.node.split(".")[0]);
  const version = major >= 24 ? 7 : major >= 22 ? 6 : 5;
  return (await import(`isolated-vm-${version}`)).default;
}

const FIXTURES = new URL("../../fixtures/", import.meta.url);
const SOURCES = {
  validate: new URL("validate-email/quickjs/validate.js", FIXTURES),
  compute: new URL("../guests/compute/quickjs/compute.js", import.meta.url),
  forever: new URL("guests/quickjs/loop/guest.js", FIXTURES),
};

export async function open({ guest, from }) {
  const ivm = await load(from);
  const isolate = new ivm.Isolate({ memoryLimit: 128 });
  const context = await isolate.createContext();
  const script = await isolate.compileScript(await readFile(SOURCES[guest], "utf8"));
  await script.run(context);
  const dispatch = await context.eval("(fn, text) => JSON.stringify(globalThis[fn](JSON.parse(text)))", {
    reference: true,
  });
  return {
    callSync: (fn, payload) => dispatch.applySync(undefined, [fn, payload]),
    call: (fn, payload) => dispatch.apply(undefined, [fn, payload]),
    callWithin: (fn, payload, timeout) => dispatch.apply(undefined, [fn, payload], { timeout }),
    close: () => isolate.dispose(),
  };
}
