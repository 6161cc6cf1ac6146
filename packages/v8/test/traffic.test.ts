import type { Module } from "extruntime";
import { describe, expect, test } from "vitest";
// Built: a process imports it by itself.
import { v8 } from "../dist/index.js";

/**
 * Calls of every kind in waves, drawn from a seed: each has its own answer or its own error, none is lost, and none is run twice. A call
 * that is never answered stops its wave, and the test by its time.
 */

/** Numbers in [0, 1) that a seed determines. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const GUEST = `
  function echo(v) { return v }
  async function wait(v) { await null; return v }
  async function long(v) { for (let i = 0; i < 50; i++) await null; return v }
  function leave(v) { Promise.reject(new Error("nobody's")); return v }
  async function leaveLater(v) { Promise.reject(v); await null; Promise.reject(v); return v }
  function fail(v) { throw new Error("no " + v) }
  async function failLater(v) { await null; throw new Error("no " + v) }
  function never(v) { return new Promise(() => {}) }
  function big(v) { return [v, "x".repeat(200000)] }
  function spin() { for (;;); }
  async function spinLater() { for (;;) await null }
  function spinAfter(v) { (async () => { for (;;) await null })(); return v }
  function hog() { const kept = []; for (;;) kept.push(new Array(1000).fill(1)) }
`;
const EXPORTS = [...GUEST.matchAll(/function (\w+)\(/g)].map(([, name]) => name!);
const HOST_GUEST = `
  async function ask(v) { return await host.call("now", v) + await host.call("later", v) - v }
  async function askNever(v) { return await host.call("never", v) }
  async function tell(v) { host.call("later", v); return v }
`;
const never = () => new Promise(() => {});
const hostFunctions = {
  now: (value: number) => value,
  later: (value: number) => new Promise((resolve) => setImmediate(resolve, value)),
  never,
};

type Way = [fn: string, ends: "value" | "big" | "thrown" | "unsettled" | "memory" | "limit"];

type Place = "inline" | "process";

/** Loads a guest, has it used, and closes it with its runtime. */
async function loaded(
  place: Place,
  pool: number,
  use: (module: Module) => Promise<void>,
  source = GUEST,
  memoryMb = 64,
) {
  const hosted = source.includes("host.call");
  const exports = [...source.matchAll(/function (\w+)\(/g)].map(([, name]) => name!);
  const manifest = {
    name: "guest",
    runtime: "v8",
    module: "guest.js",
    exports,
    permissions: hosted ? Object.keys(hostFunctions) : [],
    limits: { maxInstances: pool, memoryMb },
  };
  await using runtime = v8({ placement: place, processes: { max: 1, spare: 0 } });
  await use(await runtime.load({ manifest, files: { "guest.js": source } }, { hostFunctions }));
}

async function wave(module: Module, ways: readonly Way[], draw: () => number, from: number): Promise<number> {
  const count = 1 + Math.floor(draw() * 40);
  const controller = new AbortController();
  const calls = Array.from({ length: count }, (_, i) => {
    const id = from + i;
    const [fn, ends] = ways[Math.floor(draw() * ways.length)]!;
    const ms = 5 + draw() * 30;
    const how = draw();
    let options = {};
    if (ends === "limit" && how < 0.4) options = { timeoutMs: ms };
    else if (ends === "limit" && how < 0.8) options = { signal: AbortSignal.timeout(Math.ceil(ms)) };
    else if (ends === "limit") options = { signal: controller.signal };
    const call = module.call(fn, id, options).then(
      (value) => ({ value }),
      (error) => ({ error }),
    );
    return call.then((end) => check(end, fn, ends, id));
  });
  // Some in the tick that made them.
  if (draw() < 0.5) controller.abort(new Error("enough"));
  else setImmediate(() => controller.abort(new Error("enough")));
  await Promise.all(calls);
  return count;
}

function check(end: { value?: unknown; error?: unknown }, fn: string, ends: Way[1], id: number): void {
  const context = `${fn}(${id})`;
  if (ends === "value") expect(end, context).toEqual({ value: id });
  else if (ends === "big") expect(end, context).toEqual({ value: [id, "x".repeat(200_000)] });
  else if (ends === "thrown")
    expect(end.error, context).toMatchObject({ code: "ERR_EXT_GUEST", guest: { message: `no ${id}` } });
  else if (ends === "unsettled") expect(end.error, context).toMatchObject({ code: "ERR_EXT_GUEST" });
  else if (ends === "memory") expect(end.error, context).toMatchObject({ code: "ERR_EXT_MEMORY" });
  else
    expect(end.error, context).toSatisfy(
      (error: { code?: unknown; name?: string; message?: string }) =>
        error.code === "ERR_EXT_TIMEOUT" || error.name === "TimeoutError" || error.message === "enough",
    );
}

function traffic(ways: readonly Way[], seed: number, calls: number): (module: Module) => Promise<void> {
  return async (module) => {
    const draw = random(seed);
    for (let made = 0; made < calls; ) made += await wave(module, ways, draw, made);
    expect(module.stats()).toMatchObject({ running: 0, queued: 0 });
    await module.close();
  };
}

const repeat = (times: number, ...way: Way): Way[] => Array(times).fill(way);
/** Every tenth never ends, the others are short. */
const ORDINARY: Way[] = [...repeat(9, "echo", "value"), ...repeat(9, "wait", "value"), ...repeat(2, "spin", "limit")];
const EVERYTHING: Way[] = [
  ...repeat(12, "echo", "value"),
  ...repeat(12, "wait", "value"),
  ...repeat(4, "long", "value"),
  ...repeat(6, "leave", "value"),
  ...repeat(4, "leaveLater", "value"),
  ...repeat(4, "fail", "thrown"),
  ...repeat(4, "failLater", "thrown"),
  ...repeat(2, "never", "unsettled"),
  ...repeat(2, "big", "big"),
  ...repeat(1, "spin", "limit"),
  ...repeat(1, "spinLater", "limit"),
  ...repeat(1, "spinAfter", "limit"),
];
const HOSTED: Way[] = [
  ...repeat(8, "ask", "value"),
  ...repeat(4, "tell", "value"),
  ...repeat(4, "wait", "value"),
  ...repeat(2, "askNever", "limit"),
  ...repeat(1, "spin", "limit"),
];

describe.each<Place>(["inline", "process"])("%s", (place) => {
  test.each([1, 2, 3])(
    "short calls beside ones that are stopped are all answered, pool of one, seed %i",
    async (seed) => await loaded(place, 1, traffic(ORDINARY, seed, 600)),
  );

  test.each([
    [1, 4],
    [3, 5],
  ])(
    "calls of every kind are all answered, pool of %i, seed %i",
    async (pool, seed) => await loaded(place, pool, traffic(EVERYTHING, seed, 600)),
  );

  test("calls behind one that runs out of memory are answered", async () => {
    const ways: Way[] = [...repeat(30, "echo", "value"), ...repeat(10, "wait", "value"), ...repeat(1, "hog", "memory")];
    await loaded(place, 2, traffic(ways, 6, 300), GUEST, 16);
  });

  test("calls that ask the host are all answered", async () => {
    await loaded(place, 2, traffic(HOSTED, 7, 300), GUEST + HOST_GUEST);
  });

  test("close with abort amid traffic settles every call, and ends", async () => {
    const draw = random(8);
    for (let round = 0; round < 4; round++) await loaded(place, 2, (module) => closeAmid(module, draw));
  });
});

async function closeAmid(module: Module, draw: () => number): Promise<void> {
  const calls = Array.from({ length: 40 }, (_, id) => {
    const fn = ["echo", "wait", "leave", "spin"][Math.floor(draw() * 4)]!;
    return module.call(fn, id).then(
      (value) => value === id && fn !== "spin",
      (error: { code?: string }) => error.code === "ERR_EXT_CLOSED",
    );
  });
  const turns = Math.floor(draw() * 5);
  for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
  await module.close({ abort: true });
  expect((await Promise.all(calls)).every(Boolean)).toBe(true);
}

test("no export of the guest is left out", () => {
  const used = new Set([...ORDINARY, ...EVERYTHING, ...HOSTED].map(([fn]) => fn).concat("hog"));
  expect(EXPORTS.filter((name) => !used.has(name))).toEqual([]);
});
