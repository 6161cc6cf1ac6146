import { expect, test } from "vitest";
import { hasOwnGil, load, recorder } from "./guest.ts";

const MODES = hasOwnGil ? (["isolated", "shared"] as const) : (["shared"] as const);

const USUAL = `
import asyncio, contextvars
async def f(v):
    async with asyncio.timeout(5):
        await asyncio.sleep(0)
    await asyncio.wait_for(asyncio.sleep(0), 5)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(asyncio.sleep(0, i)) for i in range(3)]
    done, pending = await asyncio.wait([asyncio.ensure_future(asyncio.sleep(0))])
    timed_out = False
    try:
        async with asyncio.timeout(0.001):
            await asyncio.sleep(60)
    except TimeoutError:
        timed_out = True
    queue = asyncio.Queue()
    await queue.put(v)
    in_thread = await asyncio.to_thread(lambda: v + 1)
    return [asyncio.current_task() is not None, [t.result() for t in tasks], len(done), timed_out, await queue.get(), in_thread]
`;

test.each(MODES)("tasks, timeouts, groups, queues and threads work (%s)", async (interpreter) => {
  await using module = await load(USUAL, { manifest: { python: { interpreter } }, limits: { maxInstances: 2 } });
  const expected = (v: number) => [true, [0, 1, 2], 1, true, v, v + 1];
  for (let i = 0; i < 3; i++) expect(await module.call("f", i)).toEqual(expected(i));
  const many = await Promise.all(Array.from({ length: 20 }, (_, i) => module.call("f", i)));
  expect(many).toEqual(Array.from({ length: 20 }, (_, i) => expected(i)));
});

const CLEANUP = `
import asyncio
lock = asyncio.Lock()
log = []
beat = 0
async def heart():
    global beat
    while True:
        beat += 1
        await asyncio.sleep(0.001)
heart_task = None
class Session:
    async def __aenter__(self): log.append("enter")
    async def __aexit__(self, kind, error, traceback):
        await asyncio.sleep(0)
        log.append(f"exit {kind.__name__ if kind else None}")
async def f(v):
    global heart_task
    if heart_task is None: heart_task = asyncio.ensure_future(heart())
    if v == "wait":
        async with lock, Session():
            print("started")
            try:
                await asyncio.sleep(60)
            finally:
                log.append("finally")
    if v == "ignore":
        while True:
            print("waiting")
            try: await asyncio.sleep(60)
            except asyncio.CancelledError: log.append("ignored")
    async with asyncio.timeout(30):
        async with lock: pass
    before = beat
    await asyncio.sleep(0.05)
    return [log, beat > before]
`;

test.each(MODES)("a coroutine whose time is up is cancelled, and its loop lives on (%s)", async (interpreter) => {
  const logger = recorder();
  let stop = new AbortController();
  const info = () => stop.abort();
  const module = await load(CLEANUP, {
    manifest: { python: { interpreter } },
    limits: { maxInstances: 1 },
    logger: { ...logger, info },
  });
  for (let i = 0; i < 3; i++) {
    stop = new AbortController();
    await expect(module.call("f", "wait", { signal: stop.signal })).rejects.toMatchObject({ name: "AbortError" });
  }
  const once = ["enter", "finally", "exit CancelledError"];
  expect(await module.call("f", "look")).toEqual([[...once, ...once, ...once], true]);
  expect(module.stats().instancesCreated).toBe(1);
  // What ignores it is stopped, and its program is loaded anew.
  stop = new AbortController();
  await expect(module.call("f", "ignore", { signal: stop.signal })).rejects.toMatchObject({ name: "AbortError" });
  expect(await module.call("f", "look")).toEqual([[], expect.any(Boolean)]);
  expect(module.stats().instancesCreated).toBe(2);
  await module.close();
  // Tasks that are left when the module closes are no news.
  expect(logger.lines).toEqual([]);
});

test.each(MODES)("a task that is left at the close has its cancellation (%s)", async (interpreter) => {
  const logger = recorder();
  const source = `
import asyncio
async def worker():
    try: await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0)
        print("cleaned up")
async def f(v):
    global task
    task = asyncio.ensure_future(worker())
    await asyncio.sleep(0)
`;
  const module = await load(source, { manifest: { python: { interpreter } }, logger });
  await module.call("f");
  await module.close();
  expect(logger.lines).toEqual(["guest info cleaned up"]);
});
