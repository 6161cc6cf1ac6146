// A host that names no CPython: which one its child process runs, and what of the PATH a guest sees there.
import { pyvm } from "../dist/index.js";

const source = `
import os, sys
def f(value):
    return {"version": "%d.%d" % sys.version_info[:2], "path": os.environ.get("PATH")}
`;
const runtime = pyvm({ placement: "process" });
const manifest = {
  name: "guest",
  runtime: "pyvm",
  module: "guest.py",
  exports: ["f"],
  python: { interpreter: "shared" },
};
const module = await runtime.load({ manifest, files: { "guest.py": source } });
console.log(await module.invoke("f", "null"));
await runtime.close();
