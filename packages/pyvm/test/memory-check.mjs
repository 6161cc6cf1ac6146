// A short run of everything that allocates, for AddressSanitizer or valgrind: see scripts/memory-check.sh.
import { pyvm } from "@extruntime/pyvm";

const source = `
import json, helper.inner
def echo(v): return v
def fail(v): raise ValueError({"a": v})
def odd(v): return [{1: (2, 3.5)}, 2 ** 200, "\\ud800", float(v or 0)]
def spin(v):
    while True:
        try:
            while True: pass
        except BaseException: pass
async def later(v):
    import asyncio
    await asyncio.sleep(0)
    print("é" * 100)
    return v
`;
const exports = ["echo", "fail", "odd", "spin", "later"];
const payloads = [
  '{"a":[1,2.5,"x",null,true,{"é":"\\ud83d\\ude00\\n"}]}',
  `"${"é".repeat(50_000)}"`,
  "12345678901234567890",
  "1e400",
  "[1,",
  '{"a":NaN}',
  `${"[".repeat(500)}${"]".repeat(500)}`,
];
// With malloc, so that every object of Python is watched, too.
const runtime = pyvm({ allocator: "system", graceMs: 600_000, logger: { info() {}, error() {} } });
for (const interpreter of ["isolated", "shared", "isolated"]) {
  const manifest = {
    name: "guest",
    runtime: "pyvm",
    module: "g.py",
    exports,
    limits: { pool: 2 },
    python: { interpreter },
  };
  const files = { "helper/__init__.py": "", "helper/inner.py": "from . import inner\nname = 'é'" };
  const module = await runtime.load({ manifest, files: { ...files, "g.py": source } });
  for (const failing of ["def f(", "import helper.nothing", "while True: pass"]) {
    const limits = { timeoutMs: 200 };
    await runtime.load({ manifest: { ...manifest, limits }, files: { ...files, "g.py": failing } }).catch(() => {});
  }
  const outcomes = [];
  for (const payload of payloads) {
    for (const fn of ["echo", "fail", "odd", "later"]) {
      outcomes.push(module.invoke(fn, payload).catch((error) => error.code));
      await outcomes.at(-1);
      try {
        module.invokeSync(fn, payload);
      } catch {
        // counted above
      }
    }
  }
  await Promise.all(Array.from({ length: 200 }, (_, n) => module.invoke("echo", String(n))));
  for (let i = 0; i < 3; i++) await module.invoke("spin", "1", { timeoutMs: 50 }).catch(() => {});
  await module.invoke("echo", "1");
  await module.close();
}
await runtime.close();
console.log("checked");
