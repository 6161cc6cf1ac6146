import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Logger, Module, Runtime, RuntimeOptions } from "../../dist/index.js";
import { PlacedWorker } from "../../src/placement/host/placed-worker.ts";
import type { LinkEvents } from "../../src/placement/wire/link.ts";
import { KIND } from "../../src/placement/wire/protocol.ts";
import { guest, withRuntime } from "./guests.ts";

type Factory = (options: RuntimeOptions) => Runtime;
const { quickjs } = (await import(new URL("../../../quickjs/dist/index.js", import.meta.url).href)) as {
  quickjs: Factory;
};

const COUNT = 300;

const CODE = `
const say = (context) => { for (let i = 0; i < ${COUNT}; i++) context.log("info", "line " + i); };
export const warm = (_, context) => say(context);
export const exit = (_, context) => { say(context); process.exit(3); };
export const kill = (_, context) => { say(context); process.kill(process.pid, "SIGKILL"); };
export const abort = (_, context) => { say(context); process.abort(); };
export const forever = (_, context) => { say(context); for (;;); };
const sayLong = (context) => { for (let i = 0; i < 20; i++) context.log("info", "é".repeat(16000) + i); };
export const warmLong = (_, context) => sayLong(context);
export const long = (_, context) => { sayLong(context); for (;;); };
`;

const SCRIPT = `
function warm() { for (let i = 0; i < ${COUNT}; i++) console.log("line " + i); }
function forever() { warm(); for (;;); }
`;

function collector() {
  const lines: string[] = [];
  const take = (line: string) => void lines.push(line);
  const logger: Logger = { debug: take, info: take, warn: take, error: take };
  return { lines, logger };
}

/** Milliseconds that are enough for a guest to write what it wrote in a first call, which is made here: as many as that took, many times over. */
async function timeToWrite(module: Module, fn: string): Promise<number> {
  const start = performance.now();
  await module.call(fn);
  const took = performance.now() - start;
  return 500 + took * 10;
}

const ALL = Array.from({ length: COUNT }, (_, i) => `line ${i}`);

describe.each(["mapped", "off"])("what guests write before a process ends, with its journal %s,", (journal) => {
  beforeAll(() => {
    process.env.EXTRUNTIME_MAPPED_FILE = journal;
  });
  afterAll(() => {
    delete process.env.EXTRUNTIME_MAPPED_FILE;
  });

  it.each(["exit", "kill", "abort"])("by %s arrives", async (fn) => {
    const { lines, logger } = collector();
    await withRuntime({ placement: "process" }, async (runtime) => {
      const module = await runtime.load(guest("guest", {}, CODE), { logger });
      await expect(module.call(fn)).rejects.toMatchObject({ code: "ERR_EXT_CRASHED" });
      expect(lines).toEqual(ALL);
    });
  });

  it("at a deadline, or when it is aborted, arrives", async () => {
    const { lines, logger } = collector();
    await withRuntime({ placement: "process" }, async (runtime) => {
      const module = await runtime.load(guest("guest", {}, CODE), { logger });
      const timeoutMs = await timeToWrite(module, "warm");
      await expect(module.invoke("forever", "1", { timeoutMs })).rejects.toMatchObject({
        code: "ERR_EXT_TIMEOUT",
      });
      await module.close();
    });
    expect(lines).toEqual([...ALL, ...ALL]);
  });

  it("in lines that fill the journal arrives", async () => {
    const { lines, logger } = collector();
    await withRuntime({ placement: "process", limits: { logChars: 1_000_000 } }, async (runtime) => {
      const module = await runtime.load(guest("guest", {}, CODE), { logger });
      const timeoutMs = await timeToWrite(module, "warmLong");
      await expect(module.invoke("long", "1", { timeoutMs })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
      await module.close();
    });
    const twice = Array.from({ length: 40 }, (_, i) => `${i % 20}`);
    expect(lines.map((line) => line.slice(-2).replace("é", ""))).toEqual(twice);
  });

  it("by a deadline of quickjs arrives", async () => {
    const { lines, logger } = collector();
    await using runtime = quickjs({ placement: "process" });
    const manifest = { name: "guest", runtime: "quickjs", module: "guest.js", exports: ["warm", "forever"] };
    const module = await runtime.load({ manifest, files: { "guest.js": SCRIPT } }, { logger });
    const timeoutMs = await timeToWrite(module, "warm");
    await expect(module.invoke("forever", "1", { timeoutMs })).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
    await module.close();
    await runtime.close();
    expect(lines).toEqual([...ALL, ...ALL]);
  });
});

it("what native guests in threads print arrives, though their threads are ended at once", async () => {
  const child = fileURLToPath(new URL("lines-child.mjs", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [child]);
  const lines = stdout.trim().split("\n");
  const expected = [0, 1, 2, 3].flatMap((name) => Array.from({ length: 200 }, (_, i) => `${name} ${i}`));
  expect(lines.sort()).toEqual(expected.sort());
});

it("lines that are missing between the pipe and the journal of a process that ended are counted", () => {
  const lines: string[] = [];
  let events!: LinkEvents;
  const said = (line: number) => [KIND.log, 0, 1, line, 1, 0, `line ${line}`] as const;
  const link = {
    ...{
      send() {},
      flushSoon() {},
      flush() {},
      withdraw() {},
      use() {},
      given: 0,
      taken: 0,
      abort() {},
      poll() {},
      kill() {},
      giveUp() {},
      hold() {},
    },
    gone: Promise.resolve(),
    takeUnstarted: () => {
      for (const line of [2, 3, 6, 7]) events.frame(...said(line));
      return [];
    },
  };
  const keeper = {
    ...{
      closed() {},
      ended() {},
      idle() {},
      busy() {},
      hostCall: () => undefined,
      mayLinger: () => true,
      canBeAlone: () => false,
      patience: { factor: 1 },
      isUnexplained: () => false,
    },
    log: (_program: number, _level: string, text: string) => void lines.push(text),
  };
  const worker = new PlacedWorker("process", false, keeper, (each) => {
    events = each;
    return link;
  });
  worker.served.add(1);
  events.frame(KIND.ready, 0, 0, 0, 0, 0, "");
  for (const line of [1, 2, 3]) events.frame(...said(line));
  events.early(...said(5));
  events.ended({ how: "was ended by SIGKILL", memory: false });
  expect(lines).toEqual(["line 1", "line 2", "line 3", "2 lines of output were dropped", "line 6", "line 7"]);
});
