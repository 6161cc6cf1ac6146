import { ExtensionError } from "extruntime";
import { expect, test } from "vitest";
import { load, recorder } from "./guest.ts";

const permissions = ["now", "later", "fail"];
const hostFunctions = {
  now: (value: unknown) => value,
  later: async (value: unknown) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return value;
  },
  fail: async (value: string) => {
    throw Object.assign(new RangeError(value), { code: "E_FAIL", data: [1] });
  },
};
const options = (more: object = {}) => ({ manifest: { permissions }, hostFunctions, ...more });

test("a function that answers later is waited for in the midst of code, and the thread is not held", async () => {
  await using module = await load(
    `
import extruntime
def f(v):
    total = 0
    for i in range(v):
        total += extruntime.call("later", i) + extruntime.call("now", 1)
    return total
`,
    options(),
  );
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  expect(await module.call("f", 5)).toBe(15);
  clearInterval(timer);
  expect(turns).toBeGreaterThan(0);
  expect(module.stats().instancesReplaced).toBe(0);
});

test("what a call has done before it waits is done once: it prints, draws numbers, reads clocks and asks the host once", async () => {
  const logger = recorder();
  const asked: unknown[] = [];
  await using module = await load(
    `
import extruntime, random, time, os, uuid
count = 0
def f(v):
    global count
    count += 1
    first = [random.random(), time.time_ns(), time.monotonic_ns(), os.urandom(8).hex(), str(uuid.uuid4())]
    print("before")
    extruntime.call("note", first)
    time.sleep(0.001)
    second = extruntime.call("later", first)
    print("after")
    third = extruntime.call("later", second)
    return [count, first == second == third]
`,
    {
      manifest: { permissions: ["note", "later"] },
      hostFunctions: { note: (value: unknown) => void asked.push(value), later: hostFunctions.later },
      logger,
      limits: { maxInstances: 1 },
    },
  );
  expect(await module.call("f")).toEqual([1, true]);
  expect(await module.call("f")).toEqual([2, true]);
  expect(asked).toHaveLength(2);
  expect(asked[0]).not.toEqual(asked[1]);
  expect(logger.lines).toEqual(["info before", "info after", "info before", "info after"]);
});

test("it is waited for from wherever it is called: a sort, a generator, a comprehension, a finaliser, a class body", async () => {
  await using module = await load(
    `
import extruntime, functools
later = functools.partial(extruntime.call, "later")
def numbers():
    for i in range(3): yield later(i)
class Made:
    def __init__(self): self.value = later(7)
def f(v):
    class Body: value = later(8)
    return [sorted([3, 1, 2], key=later), list(numbers()), [later(i) for i in range(2)], Made().value, Body.value, list(map(later, [1]))]
`,
    options(),
  );
  expect(await module.call("f")).toEqual([[1, 2, 3], [0, 1, 2], [0, 1], 7, 8, [1]]);
});

test("what it fails with is an exception that can be caught, with all that it has", async () => {
  await using module = await load(
    `
import extruntime
def f(v):
    try: extruntime.call("fail", "too much")
    except extruntime.HostError as error: return [error.name, str(error), error.code, error.data]
`,
    options(),
  );
  expect(await module.call("f")).toEqual(["RangeError", "too much", "E_FAIL", [1]]);
  // Nobody can wait on the thread of a synchronous call.
  expect(JSON.parse(module.invokeSync("f", "null")) as unknown[]).toEqual([
    "UnsupportedError",
    expect.stringContaining("fail"),
    null,
    null,
  ]);
});

test("coroutines wait for many at a time", async () => {
  await using module = await load(
    `
import asyncio, extruntime
async def f(v):
    ask = lambda i: asyncio.to_thread(extruntime.call, "later", i)
    first = await asyncio.gather(*[ask(i) for i in range(20)])
    second = extruntime.call("now", 1)
    try: await asyncio.to_thread(extruntime.call, "fail", "no")
    except extruntime.HostError as error: second = str(error)
    busy = asyncio.ensure_future(spin())
    third = await ask("while another is busy")
    busy.cancel()
    return [first, second, third, await asyncio.to_thread(lambda: 5)]
async def spin():
    while True: await asyncio.sleep(0)
`,
    options(),
  );
  const expected = [Array.from({ length: 20 }, (_, i) => i), "no", "while another is busy", 5];
  expect(await Promise.all([module.call("f"), module.call("f"), module.call("f")])).toEqual([
    expected,
    expected,
    expected,
  ]);
});

test("one that never answers holds a call until its deadline, and an answer that is late is nobody's", async () => {
  let late: ((value: unknown) => void) | undefined;
  await using module = await load("import extruntime\ndef f(v): return extruntime.call('keep', v) if v else 0", {
    manifest: { permissions: ["keep"] },
    hostFunctions: { keep: () => new Promise((resolve) => (late = resolve)) },
    limits: { maxInstances: 1 },
  });
  await expect(module.call("f", 1, { timeoutMs: 30 })).rejects.toSatisfy((error) =>
    ExtensionError.is(error, "ERR_EXT_TIMEOUT"),
  );
  expect(await module.call("f", 0)).toBe(0);
  late!("too late");
  expect(await module.call("f", 0)).toBe(0);
});

test("a value that JSON cannot say never reaches the host", async () => {
  await using module = await load(
    `
import extruntime
def f(v):
    out = []
    for value in [object(), {1}, b"x", float("nan"), {(1,): 2}]:
        try: out.append(extruntime.call("now", value))
        except (TypeError, ValueError) as error: out.append(type(error).__name__)
    try: extruntime.call("other")
    except PermissionError as error: out.append(str(error))
    return out
`,
    options(),
  );
  expect(await module.call("f")).toEqual([
    "TypeError",
    "TypeError",
    "TypeError",
    "ValueError",
    "TypeError",
    expect.stringContaining("now, later, fail"),
  ]);
});
