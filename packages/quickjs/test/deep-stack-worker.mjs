// For host-functions.test.ts, in a worker whose stack holds several guests with the largest one. Answers what each saw.
import { parentPort } from "node:worker_threads";
import { quickjs } from "@extruntime/quickjs";

const runtime = quickjs({ memory: "shared", stackKb: 4096 });
const load = (name, source, permissions, hostFunctions) =>
  runtime.load(
    {
      manifest: { name, runtime: "quickjs", module: "guest.js", exports: ["f"], permissions },
      files: { "guest.js": source },
    },
    { hostFunctions, lazy: true },
  );

const inner = await load(
  "inner",
  "function f() { let depth = 0; const g = () => { depth++; g() }; try { g() } catch (error) { return [depth > 10000, error.message] } }",
);
const outer = await load(
  "outer",
  "const deep = (n) => n === 0 ? host.call('inner') : deep(n - 1); function f() { return deep(20000) }",
  ["inner"],
  { inner: () => JSON.parse(inner.invokeSync("f", "null")) },
);
parentPort.postMessage([await outer.call("f"), await inner.call("f")]);
await runtime.close();
