// What works in a CPython that lacks what PYVM_TEST_WITHOUT names: see missing-symbols.test.ts. The last line is JSON.
import { pyvm } from "@extruntime/pyvm";

const source = `
import sys
def echo(v): return v
def spin(v):
    while True: pass
def about(v): return [sys.executable, len(sys.path) > 1]
`;
const runtime = pyvm();
const told = {};
for (const interpreter of ["isolated", "shared"]) {
  const manifest = {
    name: "guest",
    runtime: "pyvm",
    module: "guest.py",
    exports: ["echo", "spin", "about"],
    limits: { maxInstances: 1 },
    python: { interpreter },
  };
  try {
    // More than one, since one that ends must not take anything along.
    for (let i = 0; i < 2; i++) {
      const module = await runtime.load({ manifest, files: { "guest.py": source } });
      const value = { keys: [1, { é: "x" }], deep: { keys: [2.5] } };
      const same = JSON.stringify(await module.call("echo", value)) === JSON.stringify(value);
      const here = module.invokeSync("echo", "[1]") === "[1]";
      const stopped = await module.call("spin", null, { timeoutMs: 100 }).catch((error) => error.code);
      const after = await module.call("echo", 1);
      told[interpreter] = [same, here, stopped, after, await module.call("about")];
      await module.close();
    }
  } catch (error) {
    told[interpreter] = error.message;
  }
}
await runtime.close();
console.log(JSON.stringify(told));
