import { execFile, execFileSync, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { cpython, hasOwnGil, load, testIf } from "./guest.ts";

const child = fileURLToPath(new URL("neighbour-child.mjs", import.meta.url));
const env = { ...process.env, PYVM_PYTHON: cpython.executable, PYVM_TEST_SHARED: hasOwnGil ? "" : "1" };

/** Runs a scenario in a process of its own. Rejects when it does not end well. */
async function run(scenario: string, more: NodeJS.ProcessEnv = {}): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [child, ...scenario.split(" ")], {
    env: { ...env, ...more },
    timeout: 60_000,
  });
  return stdout.trim();
}

test("the process ends by itself when its modules are closed", async () => {
  expect(await run("closed")).toBe("closed");
});

test("and when they are idle but open", async () => {
  expect(await run("idle")).toBe("idle");
});

test("process.exit ends it with Python running, on the spot", async () => {
  expect(await run("exit")).toBe("exiting");
});

test("process.exit ends it with Python stuck in C", async () => {
  expect(await run("exit-stuck")).toBe("exiting");
});

test("process.exit ends it with Python waiting for a host function", async () => {
  expect(await run("exit-waiting")).toBe("exiting");
});

test("a host function may end it", async () => {
  await expect(run("exit-in-host-function")).rejects.toMatchObject({ code: 7 });
  await expect(run("exit-in-host-function sync")).rejects.toMatchObject({ code: 7 });
});

test("a call that was given up does not keep it up", async () => {
  expect(await run("given-up")).toBe("ERR_EXT_TIMEOUT");
});

test("Ctrl-C ends it as it ends any Node process", async () => {
  const process_ = spawn(process.execPath, [child, "wait"], { env, stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => process_.on("exit", (code, signal) => resolve(signal ?? code)));
  await new Promise((resolve) => process_.stdout.once("data", resolve));
  process_.kill("SIGINT");
  expect(await ended).toBe("SIGINT");
});

test("a handler of Node's for Ctrl-C is called, and Python's is not", async () => {
  const process_ = spawn(process.execPath, [child, "handler"], { env, stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => process_.on("exit", resolve));
  await new Promise((resolve) => process_.stdout.once("data", resolve));
  process_.kill("SIGINT");
  expect(await ended).toBe(42);
});

test("worker threads load the addon one after another and all at once", async () => {
  expect(await run("workers")).toBe("1 1 1 1 1 1 1 1");
});

test("worker threads are terminated with calls running", async () => {
  expect(await run("terminate")).toBe("survived 2");
});

test("a worker thread whose stack is small makes its synchronous calls all the same", async () => {
  expect(await run("small-stack")).toBe('RecursionError {"é":1} ERR_EXT_TIMEOUT');
});

test("an addon that only a worker loaded survives that worker", async () => {
  expect(await run("worker-only")).toBe("1 1");
});

test("Python's OpenSSL is its own, not Node's", async () => {
  await using module = await load(
    "import ssl, hashlib\ndef f(v): return [ssl.OPENSSL_VERSION, hashlib.sha256(v.encode()).hexdigest()]",
  );
  const program = "import ssl; print(ssl.OPENSSL_VERSION)";
  const own = execFileSync(cpython.executable, ["-c", program], { encoding: "utf8" }).trim();
  const { createHash } = await import("node:crypto");
  expect(await module.call("f", "x")).toEqual([own, createHash("sha256").update("x").digest("hex")]);
});

test("both OpenSSLs make a TLS context at the same time", async () => {
  const source =
    "import ssl\ndef f(v):\n  c = ssl.create_default_context()\n  return c.verify_mode == ssl.CERT_REQUIRED";
  await using module = await load(source);
  const { createSecureContext } = await import("node:tls");
  for (let i = 0; i < 20; i++) {
    createSecureContext();
    expect(await module.call("f")).toBe(true);
  }
});

test("Python's environment variables are ignored, unless they are asked for", async () => {
  const variables = { PYTHONPATH: "/somewhere/else", PYTHONUNBUFFERED: "1", PYTHONOPTIMIZE: "2" };
  expect(JSON.parse(await run("environment", variables))).toEqual({ path: false, optimize: 0 });
  expect(JSON.parse(await run("environment-asked", variables))).toEqual({ path: true, optimize: 2 });
});

test("os.environ has the variables of the process, and so do children", async () => {
  const variables = { PYVM_TEST_VARIABLE: "é", PYVM_TEST_OTHER: "other" };
  const [first, ...more] = JSON.parse(await run("variables", variables)) as string[][];
  expect(first).toEqual(["é", null, "other"]);
  // The main interpreter has those of its start.
  if (hasOwnGil) expect(more.at(-1)).toEqual(["é", "later", "other"]);
});

test("the locale of the process stays as it is, and Python reads UTF-8", async () => {
  const source =
    "import sys, locale\ndef f(v): return [sys.flags.utf8_mode, sys.getfilesystemencoding(), locale.getpreferredencoding()]";
  await using module = await load(source);
  expect(await module.call("f")).toEqual([1, "utf-8", "utf-8"]);
});

test("a second CPython in one process is refused", async () => {
  expect(await run("second")).toMatch(/^ERR_EXT_UNSUPPORTED .*already runs/);
});

testIf(hasOwnGil)("signals, fork and exec are not for guests", async () => {
  const source = `
import os, signal
def attempt(f):
    try: f()
    except Exception as e: return type(e).__name__
def f(v): return [attempt(lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)), attempt(os.fork), attempt(lambda: os.execv("/bin/true", ["true"]))]
def g(v):
    import subprocess
    return subprocess.run(["echo", "hi"], capture_output=True, text=True).stdout
`;
  await using module = await load(source, { exports: ["f", "g"] });
  expect(await module.call("f")).toEqual(["ValueError", "RuntimeError", "RuntimeError"]);
  expect(await module.call("g")).toBe("hi\n");
});
