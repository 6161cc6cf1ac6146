import { describe, expect, test } from "vitest";
import { runChild } from "./child.ts";

/** Whether a process whose threads go on can keep its code: by the addon of the core, which is built here on Linux, or by Node. */
const ENDS = process.platform === "linux" || "execve" in process;

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
  expect(end).toBe(ENDS ? 3 : "SIGKILL");
  expect((await runChild(code.replace("process.exit", "process.exitCode = Number"))).end).toBe(ENDS ? 3 : "SIGKILL");
});

/** Guests that compute inside a builtin, for minutes, where V8 does not look. */
const BUILTINS: [string, string][] = [
  ["a search from the end", `return "a".repeat(2 ** 22).lastIndexOf("a".repeat(2 ** 18) + "b")`],
  ["a search", `return "a".repeat(2 ** 28).indexOf("a".repeat(2 ** 17) + "b")`],
  ["a sum of many numbers", "return Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1)"],
  ["one big power", "return String(3n ** (2n ** 24n)).length"],
];
const BURNING = (source: string) => `
  const module = await load(${JSON.stringify(`function f() { ${source} }`)});
  console.log(await module.invoke("f", "null", { timeoutMs: 100 }).catch((error) => error.code));
  process.on("exit", (code) => console.log("listener " + code));`;

describe("while a guest that was stopped computes on inside V8", () => {
  test.each(BUILTINS)("process.exit keeps its code and its listeners: %s", async (_, source) => {
    const { end, stdout } = await runChild(`${BURNING(source)} process.exit(7)`);
    expect([end, stdout]).toEqual([ENDS ? 7 : "SIGKILL", "ERR_EXT_TIMEOUT\nlistener 7\n"]);
  });

  const [[, search]] = BUILTINS as [[string, string]];

  test.each<[string, string, number, string[]]>([
    ["the event loop is empty", "", 0, ["listener 0"]],
    ["process.exitCode is set and the event loop is empty", "process.exitCode = 3", 3, ["listener 3"]],
    [
      "a listener sets the code",
      "process.on('exit', () => { process.exitCode = 4 }); process.exit(1)",
      4,
      ["listener 1"],
    ],
    [
      "a listener of a process that ends by itself exits",
      "process.on('exit', () => process.exit(5))",
      5,
      ["listener 0"],
    ],
    ["an error is not caught", "throw new Error('boo')", 1, ["listener 1"]],
    ["a promise is rejected", "Promise.reject(new Error('boo'))", 1, ["listener 1"]],
    ["the module was closed", "await module.close({ abort: true }); process.exitCode = 6", 6, ["listener 6"]],
    [
      "beforeExit goes on",
      "process.once('beforeExit', () => setTimeout(() => console.log('more'), 10))",
      0,
      ["more", "listener 0"],
    ],
    ["a timer is left", "setTimeout(() => console.log('timer'), 1500)", 0, ["timer", "listener 0"]],
    ["the top level waits for ever", "await new Promise(() => {})", 13, ["listener 0"]],
    [
      "a signal is heard",
      "process.on('SIGTERM', () => process.exit(8)); process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 60_000)",
      8,
      ["listener 8"],
    ],
  ])("it ends with its own code when %s", async (_, code, expected, said) => {
    const { end, stdout } = await runChild(`${BURNING(search)} ${code}`);
    expect([end, stdout.trim().split("\n")]).toEqual([ENDS ? expected : "SIGKILL", ["ERR_EXT_TIMEOUT", ...said]]);
  });

  test("a signal that nobody hears ends it", async () => {
    const { end } = await runChild(
      `${BURNING(search)} process.kill(process.pid, "SIGTERM"); setTimeout(() => {}, 60_000)`,
    );
    expect(end).toBe("SIGTERM");
  });

  test("close says that it is left", async () => {
    const { stderr } = await runChild(`${BURNING(search)} await module.close(); setImmediate(() => process.exit(0))`);
    expect(stderr).toContain("EXTRUNTIME_V8_STILL_RUNNING");
  });
});

test("a process with a server stays while a guest computes on", async () => {
  const [[, search]] = BUILTINS as [[string, string]];
  const code = `${BURNING(search)} const { createServer } = await import("node:net");
    const server = createServer().listen(0, "127.0.0.1");
    setTimeout(() => { console.log("served"); server.close(); }, 2000).unref()`;
  const { end, stdout } = await runChild(code);
  expect([end, stdout]).toEqual([ENDS ? 0 : "SIGKILL", "ERR_EXT_TIMEOUT\nserved\nlistener 0\n"]);
});

test("close waits for a guest that V8 lets go of", async () => {
  const code = `const module = await load("function f() { for (;;); }");
    await module.invoke("f", "null", { timeoutMs: 50 }).catch(() => {}); await module.close();
    const before = process.cpuUsage(); await new Promise((resolve) => setTimeout(resolve, 300));
    const { user, system } = process.cpuUsage(before); console.log(user + system < 150_000)`;
  expect(await runChild(code)).toMatchObject({ end: 0, stdout: "true\n", stderr: "" });
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
