import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cpython, load } from "./guest.ts";

// Calls that are sent to an interpreter ahead of their turn.

const SOURCE = `
ran = []
def echo(v):
    ran.append(v)
    return v
def spin(v):
    while True:
        try:
            while True: pass
        except BaseException: pass
def wait(v):
    with open(v, "rb") as pipe: pipe.read()
    return "waited"
def seen(v): return ran
`;
const exports = ["echo", "spin", "wait", "seen"];

/** A pipe that `wait` waits at, in C, until it is let go. */
function gate(): { path: string; open(): void; openForNobody(): void } {
  const path = join(mkdtempSync(join(tmpdir(), "pyvm-")), "pipe");
  execFileSync("mkfifo", [path]);
  return {
    path,
    open: () => closeSync(openSync(path, "w")),
    openForNobody: () => closeSync(openSync(path, constants.O_RDWR | constants.O_NONBLOCK)),
  };
}

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

test("ten thousand calls that overlap all get their own answer, in the order in which they came", async () => {
  await using module = await load(SOURCE, { exports, limits: { maxInstances: 1 } });
  const answered: number[] = [];
  await Promise.all(numbers(10_000).map(async (n) => answered.push(await module.call<number>("echo", n))));
  expect(answered).toEqual(numbers(10_000));
  expect(await module.call("seen")).toEqual(numbers(10_000));
});

test("a call that is stopped takes none of those behind it along", async () => {
  await using module = await load(SOURCE, { exports, limits: { maxInstances: 1 } });
  for (let round = 0; round < 20; round++) {
    const before = numbers(10).map((n) => module.call("echo", n));
    const stopped = expect(module.invoke("spin", "1", { timeoutMs: 5 })).rejects.toMatchObject({
      code: "ERR_EXT_TIMEOUT",
    });
    const behind = numbers(10).map((n) => module.call("echo", n));
    expect(await Promise.all([...before, ...behind])).toEqual([...numbers(10), ...numbers(10)]);
    await stopped;
  }
  // Where an exception may hit any frame, the program may be loaded anew.
  if (!cpython.freeThreaded && cpython.version !== "3.11") expect(module.stats().instancesCreated).toBe(1);
});

test("a call whose time is up before its turn never runs, and disturbs nobody", async () => {
  const { path, open } = gate();
  await using module = await load(SOURCE, { exports, limits: { maxInstances: 1 } });
  const first = module.call("wait", path);
  const late = [1, 2, 3].map((n) => module.call("echo", n, { timeoutMs: 5 }));
  const patient = module.call("echo", 4);
  for (const call of late) await expect(call).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
  open();
  expect([await first, await patient, await module.call("seen")]).toEqual(["waited", 4, [4]]);
});

test("calls behind one that is stuck in C are served by another interpreter", async () => {
  const { path, open } = gate();
  await using module = await load(SOURCE, { exports, limits: { maxInstances: 2 } });
  const stuck = module.call("wait", path);
  expect(await Promise.all(numbers(20).map((n) => module.call("echo", n)))).toEqual(numbers(20));
  open();
  expect(await stuck).toBe("waited");
});

test("and so are those behind one that is given up", async () => {
  const { path, openForNobody } = gate();
  await using module = await load(SOURCE, { exports, limits: { maxInstances: 1 }, runtime: { graceMs: 20 } });
  const stuck = expect(module.call("wait", path, { timeoutMs: 5 })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
  expect(await Promise.all(numbers(20).map((n) => module.call("echo", n)))).toEqual(numbers(20));
  await stuck;
  // On a busy machine its time may be up before it came so far.
  openForNobody();
});

test("an answer does not wait for a call behind it that takes long", async () => {
  const { path, open } = gate();
  await using module = await load(SOURCE, { exports, limits: { maxInstances: 1 } });
  // The interpreter is known for short calls.
  await Promise.all(numbers(200).map((n) => module.call("echo", n)));
  const short = numbers(5).map((n) => module.call("echo", n));
  const long = module.call("wait", path);
  expect(await Promise.all(short)).toEqual(numbers(5));
  open();
  expect(await long).toBe("waited");
});

test("close waits for all calls that were sent, and with abort for none", async () => {
  const patient = await load(SOURCE, { exports, limits: { maxInstances: 1 } });
  const answers = numbers(500).map((n) => patient.call("echo", n));
  await patient.close();
  expect(await Promise.all(answers)).toEqual(numbers(500));

  const hasty = await load(SOURCE, { exports, limits: { maxInstances: 1 } });
  const refused = [hasty.invoke("spin", "1"), ...numbers(100).map((n) => hasty.invoke("echo", `${n}`))].map((call) =>
    expect(call).rejects.toMatchObject({ code: "ERR_EXT_CLOSED" }),
  );
  await hasty.close({ abort: true });
  await Promise.all(refused);
});

test("the event loop has its turns while calls follow one another without end", async () => {
  await using module = await load(SOURCE, { exports, limits: { maxInstances: 1 } });
  let turns = 0;
  const count = setInterval(() => turns++, 1);
  while (turns < 5) await module.invoke("echo", "1");
  clearInterval(count);
});
