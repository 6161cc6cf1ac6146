import { type Call, type Extension, type Instance, UNLIMITED } from "extruntime/engine";
import { expect, test } from "vitest";
import { nightly } from "../../../fixtures/index.js";
import { compileBuild, RELEASE } from "../src/build.ts";
import { HeapLimit } from "../src/heap-limit.ts";
import { quickjs } from "../src/index.ts";
import { LinearMemory } from "../src/linear-memory.ts";
import { type MachineCount, MachineSet } from "../src/machines/machine-set.ts";
import { QuickJSProgram } from "../src/program.ts";
import { load } from "./guest.ts";

const FRESH_CALLS = nightly ? 1_000_000 : 20_000;

const STACK_BYTES = 131_072;
const wasm = await compileBuild(RELEASE);

/** A set of memories that tells which it has made. */
function memories(machines?: MachineCount): { homes: MachineSet; made: LinearMemory[] } {
  const made: LinearMemory[] = [];
  const homes = new MachineSet(() => {
    const memory = new LinearMemory(RELEASE, wasm, true, STACK_BYTES);
    made.push(memory);
    return memory;
  }, machines);
  return { homes, made };
}

function program(homes: MachineSet, source: string, fresh = false): QuickJSProgram {
  const manifest = { name: "guest", module: "guest.js", exports: ["f"], runtime: "quickjs" };
  return new QuickJSProgram(
    { manifest, location: "memory:guest" } as unknown as Extension,
    { main: "guest.js", files: new Map([["guest.js", source]]) },
    { memoryBytes: undefined, maxInstances: 1, host: undefined, fresh, log() {} },
    { homes, heap: new HeapLimit(2 ** 28, false), stackBytes: STACK_BYTES },
  );
}

const MARK = "secret of ";

/** Whose secrets lie anywhere in a memory. */
function ownersIn(memory: LinearMemory): Set<string> {
  const all = Buffer.from(memory.bytes(0, memory.byteLength));
  const owners = new Set<string>();
  for (let at = all.indexOf(MARK); at >= 0; at = all.indexOf(MARK, at + 1))
    owners.add(all.subarray(at + MARK.length, at + MARK.length + 3).toString("latin1"));
  return owners;
}

test.each([false, true])(
  "guests that take turns in a few memories leave nothing of theirs there (fresh: %s)",
  (fresh) => {
    const { homes, made } = memories({ fewest: 2, most: 2 });
    const instances = Array.from({ length: 5 }, (_, i) => {
      const own = `"${MARK}${100 + i}"`;
      const source = `const kept = [${own}]; const deep = (n, s) => n === 0 ? s.length : deep(n - 1, s + n);
      function f(v) { kept.push(${own} + v, new Array(500).fill(${own} + kept.length)); deep(200, ${own}); /${own}+/.test(${own}.repeat(9)); return [kept.length, JSON.parse(JSON.stringify(kept))[0]] }`;
      return program(homes, source, fresh).instantiate(UNLIMITED) as Instance;
    });
    for (let round = 0; round < 3; round++)
      for (const [i, instance] of instances.entries()) {
        const own = String(100 + i);
        const answer = JSON.parse(instance.invoke("f", "1", UNLIMITED) as string) as [number, string];
        expect(answer).toEqual([3 + 2 * (fresh ? 0 : round), MARK + own]);
        const mine = made.map(ownersIn).filter((owners) => owners.has(own));
        expect(mine).toEqual([new Set([own])]);
      }
    expect(made).toHaveLength(2);
    for (const instance of instances) instance.close();
    homes.close();
  },
);

const WORK = `let calls = 0; const kept = { list: [3, 1, 2] };
function f(n) {
  calls++;
  kept.list.sort();
  for (let i = 0; i < n; i++) {
    const list = Array.from({ length: 400 }, (_, k) => ({ k, s: "x".repeat(k) + (k * 7919) % 400 }));
    list.sort((a, b) => a.s < b.s ? -1 : 1);
    JSON.parse(JSON.stringify(list));
    /(a+)+b/.test("a".repeat(12));
    ("ab".repeat(20000) + "c").indexOf("abc".repeat(3));
    3n ** 2000n % 12345n;
    kept.list.push(list);
  }
  return [calls, kept.list.slice(0, 3), Object.keys(globalThis).length];
}`;

test("a guest that was stopped anywhere is as it was when it was loaded", () => {
  const { homes, made } = memories();
  const instance = program(homes, WORK, true).instantiate(UNLIMITED) as Instance;
  const answer = instance.invoke("f", "0", UNLIMITED);
  const outcomes = { stopped: 0, answered: 0 };
  const stops = nightly ? 3000 : 60;
  while (outcomes.stopped < stops) {
    const call: Call = { deadline: performance.now() + Math.random() * 8, signal: undefined };
    try {
      instance.invoke("f", "1000", call);
      outcomes.answered++;
    } catch (error) {
      expect(error).toMatchObject({ code: "ERR_EXT_TIMEOUT" });
      outcomes.stopped++;
    }
    expect(instance.broken).toBe(false);
    expect(instance.invoke("f", "0", UNLIMITED)).toBe(answer);
  }
  expect(made).toHaveLength(1);
  instance.close();
  homes.close();
});

test("a memory that a guest ended in serves others, put back in place", () => {
  const { homes, made } = memories();
  const ends = ["for (;;);", "'a'.repeat(1e6).indexOf('a'.repeat(4e5) + 'b')", "eval('('.repeat(1e5))", "f(v)"];
  for (let i = 0; i < 40; i++) {
    const worst = program(homes, `function f(v) { for (;;) ${ends[i % ends.length]} }`).instantiate(UNLIMITED);
    expect(() =>
      (worst as Instance).invoke("f", "1", { deadline: performance.now() + 10, signal: undefined }),
    ).toThrow();
    worst.close();
    const good = program(homes, "function f(v) { return v }").instantiate(UNLIMITED) as Instance;
    expect(good.invoke("f", "1", UNLIMITED)).toBe("1");
    good.close();
  }
  expect(made).toHaveLength(1);
  homes.close();
});

test("no two guests, calls or guests put back throw the same dice", async () => {
  const source = "const first = Math.random(); function f(loop) { if (loop) for (;;); return [first, Math.random()] }";
  const runtime = quickjs();
  const files = { "guest.js": source };
  const manifest = { runtime: "quickjs", module: "guest.js", exports: ["f"] };
  const thrown: number[] = [];
  for (let i = 0; i < 40; i++) {
    const module = await runtime.load({ manifest: { ...manifest, name: `m${i}` }, files });
    thrown.push(...(JSON.parse(module.invokeSync("f", "null")) as number[]));
  }
  const fresh = await runtime.load({ manifest: { ...manifest, name: "fresh", limits: { fresh: "call" } }, files });
  const firsts = new Set<number>();
  for (let i = 0; i < 40; i++) {
    const [first, next] = JSON.parse(fresh.invokeSync("f", "null")) as [number, number];
    firsts.add(first);
    thrown.push(next);
    if (i % 10 === 0) expect(() => fresh.invokeSync("f", "1", { timeoutMs: 5 })).toThrow();
  }
  expect(new Set(thrown).size).toBe(thrown.length);
  // What the top level throws, all calls find.
  expect(firsts.size).toBe(1);
  await runtime.close();
});

test("calls of many guests that wait for the host at once have their own state, fresh or not", async () => {
  for (const fresh of [undefined, "call"] as const) {
    const runtime = quickjs();
    const waiting: (() => void)[] = [];
    const wait = (value: number) => new Promise((resolve) => waiting.push(() => resolve(value + 0.5)));
    const modules = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        runtime.load(
          {
            manifest: {
              name: `m${i}`,
              runtime: "quickjs",
              module: "guest.js",
              exports: ["f"],
              permissions: ["wait"],
              limits: { fresh },
            },
            files: {
              "guest.js": `let calls = 0; async function f(v) { const own = [${i}, ++calls, v]; own.push(await host.call("wait", v)); return own }`,
            },
          },
          { hostFunctions: { wait } },
        ),
      ),
    );
    for (let round = 1; round <= 3; round++) {
      const calls = modules.map((module, i) => module.call("f", i));
      while (waiting.length < modules.length) await new Promise((resolve) => setImmediate(resolve));
      for (const answer of waiting.splice(0).reverse()) answer();
      expect(await Promise.all(calls)).toEqual(modules.map((_, i) => [i, fresh ? 1 : round, i, i + 0.5]));
    }
    await runtime.close();
  }
});

test("a guest that is kept while others run takes a tenth of its memory", () => {
  const { homes } = memories();
  const options = {
    stackBytes: STACK_BYTES,
    hosted: false,
    bounds: { errorChars: 1000, lineChars: 1000, logChars: 1000 } as never,
    log() {},
    resolveModule: () => "",
    moduleSource: () => undefined,
  };
  const home = homes.openFresh(options, () => 2 ** 28);
  home.enter();
  expect(home.keepStart().byteLength).toBeLessThan(4096);
  home.close([]);
  homes.close();
});

test("the top level runs once, also where it throws a SyntaxError of its own, or looks like a module's", async () => {
  const lines: string[] = [];
  const logger = { info: (line: string) => lines.push(line) };
  for (const start of ["", "const s = `\nexport const a = 1`; "]) {
    const loading = load(`${start}console.log("ran"); let x = 1; JSON.parse("{"); function f() {}`, { logger });
    await expect(loading).rejects.toMatchObject({ code: "ERR_EXT_GUEST", guest: { name: "SyntaxError" } });
    expect(lines.splice(0)).toEqual(["ran"]);
    await using module = await load(`${start}console.log("ran"); var n = 1; function f() { return n++ }`, { logger });
    expect(await module.call("f", null)).toBe(1);
    expect(lines.splice(0)).toEqual(["ran"]);
  }
});

test(`${FRESH_CALLS} calls, each from the start, leave no memory behind`, async () => {
  await using module = await load(
    "const kept = []; function f(v) { kept.push(new Array(100).fill(v)); return kept.length }",
    {
      limits: { fresh: "call" },
    },
  );
  for (let i = 0; i < 50_000; i++) module.invokeSync("f", "1");
  const before = process.memoryUsage.rss();
  for (let i = 0; i < FRESH_CALLS; i++) module.invokeSync("f", "1");
  expect(process.memoryUsage.rss() - before).toBeLessThan(32 * 2 ** 20);
});
