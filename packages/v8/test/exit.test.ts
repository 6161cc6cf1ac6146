import { expect, test } from "vitest";
import { runChild } from "./child.ts";

/** Calls that guests are in the midst of when the process goes. */
const AT_WORK = `
  const called = (source, log) => new Promise(async (resolve) => {
    const module = await load(source, { logger: { info: resolve } });
    module.invoke("f", "null").catch(() => {});
  });
`;

test("a process with idle isolates ends by itself", async () => {
  const { end, stdout } = await runChild(
    "const m = await load('function f() { return 1 }'); console.log(await m.invoke('f', 'null'))",
  );
  expect([end, stdout]).toEqual([0, "1\n"]);
});

test.each([
  ["idle isolates", "await load('function f() {}')"],
  [
    "endless guests",
    `${AT_WORK} for (let i = 0; i < 4; i++) await called("function f() { console.log('go'); for (;;); }")`,
  ],
  [
    "a logger that exits while its guest goes on",
    `const m = await load("function f() { console.log('go'); for (;;); }", { logger: { info: () => process.exit(3) } }); await m.invoke("f", "null")`,
  ],
  [
    "guests that were just stopped",
    `${AT_WORK} const m = await load("function f() { for (;;); }"); await m.invoke("f", "null", { timeoutMs: 20 }).catch(() => {})`,
  ],
  [
    "a guest over its memory",
    `const m = await load("const k = []; function f() { for (;;) k.push({}) }", { limits: { memoryMb: 16 } }); await m.invoke("f", "null").catch(() => {})`,
  ],
])("process.exit with %s keeps its code", async (_, code) => {
  for (let round = 0; round < 3; round++) expect(await runChild(`${code}; process.exit(3)`)).toMatchObject({ end: 3 });
});

test("a process that V8 left a thread in ends, and was told so", async () => {
  const code = `const m = await load("function f() { return new Array(1e8).fill(1).length }", { limits: { memoryMb: 8 } });
    await m.invoke("f", "null").catch((error) => console.log(error.code)); process.exit(3)`;
  const { end, stdout, stderr } = await runChild(code);
  expect(stdout).toBe("ERR_EXT_MEMORY\n");
  expect(stderr).toContain("EXTRUNTIME_V8_ISOLATE_LOST");
  // Node 20 cannot end a process with such a thread and keep the code.
  expect("execve" in process ? [3] : ["SIGKILL"]).toContain(end);
});

test("a module whose isolates V8 gives up on again and again gets no more, and its neighbour goes on", async () => {
  const code = `const bomb = await load("function f() { return new Array(1e8).fill(1).length }", { limits: { memoryMb: 8 } });
    const other = await load("function f() { return 'fine' }");
    for (let i = 0; i < 6; i++) await bomb.invoke("f", "null").catch((error) => console.log(error.code));
    console.log(await other.invoke("f", "null")); process.exit(0)`;
  const { stdout } = await runChild(code);
  expect(stdout.trim().split("\n")).toEqual([
    ...Array(4).fill("ERR_EXT_MEMORY"),
    "ERR_EXT_CRASHED",
    "ERR_EXT_CRASHED",
    '"fine"',
  ]);
});
