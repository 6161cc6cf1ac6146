import asc from "assemblyscript/asc";
import { describe, expect, it } from "vitest";
import { failure, type LogLine, loadGuest } from "./guests.ts";

const ABI = `
export function __base_alloc(length: i32): usize { return heap.alloc(length); }
export function __base_free(pointer: usize, length: i32): void { heap.free(pointer); }
function answer(text: string): u64 {
  const bytes = String.UTF8.encode(text);
  const pointer = heap.alloc(bytes.byteLength);
  memory.copy(pointer, changetype<usize>(bytes), bytes.byteLength);
  return ((pointer as u64) << 32) | (bytes.byteLength as u64);
}`;

async function compile(source: string, options = {}): Promise<Uint8Array> {
  const all = { optimizeLevel: 2, runtime: "incremental", ...options };
  const { error, binary, stderr } = await asc.compileString(ABI + source, all);
  if (error !== null || binary === null) throw new Error(stderr.toString());
  return binary;
}

const load = async (body: string, options = {}) =>
  loadGuest(await compile(`export function echo(pointer: usize, length: i32): u64 { ${body} }`), options);

describe("AssemblyScript", () => {
  it("works on strings", async () => {
    const module = await load("return answer(String.UTF8.decodeUnsafe(pointer, length).toUpperCase());");
    expect(await module.invoke("echo", '"straße 😀"')).toBe('"STRASSE 😀"');
  });

  it("tells a thrown error with its message, file, line and column", async () => {
    const module = await load('if (length > 3) throw new Error("too löng"); return answer("1");');
    const error = await failure(() => module.invoke("echo", "[12]"));
    expect(error.code).toBe("ERR_EXT_GUEST");
    expect(error.message).toBe("guest.echo: Error: too löng");
    expect(error.guest?.stack).toMatch(/^Error: too löng\n {4}at input\.ts:\d+:\d+$/);
    expect(await module.invoke("echo", "[1]")).toBe("1");
  });

  it("logs the console and trace, bounded in each call", async () => {
    const log: LogLine[] = [];
    const module = await load(
      'console.log("hällo"); console.warn("beware"); trace("values", 2, 1.5, 2); return answer("1");',
      { log },
    );
    await module.invoke("echo", "0");
    expect(log).toEqual([
      { level: "info", message: "hällo" },
      { level: "warn", message: "beware" },
      { level: "debug", message: "values 1.5 2" },
    ]);
    const endless: LogLine[] = [];
    await (
      await load('for (let i = 0; i < 100000; i++) console.log("x"); return answer("1");', { log: endless })
    ).invoke("echo", "0");
    expect(endless.length).toBe(1025);
  });

  it("seeds Math.random differently in each instance", async () => {
    const module = await load("return answer(Math.random().toString());", { pool: 4 });
    const other = await load("return answer(Math.random().toString());");
    expect(await module.invoke("echo", "0")).not.toBe(await other.invoke("echo", "0"));
  });

  it("runs out of memory with ERR_EXT_MEMORY", async () => {
    const hoard =
      "const kept: string[] = []; while (true) kept.push('x'.repeat(1000 + kept.length)); return answer('1');";
    expect((await failure(async () => (await load(hoard, { memoryMb: 4 })).invoke("echo", "0"))).code).toBe(
      "ERR_EXT_MEMORY",
    );
  });

  it.each([
    ["after one growth, far above half of the limit", "heap.alloc(65536); abort();", 40],
    ["that says that memory is out", "throw new Error('out of memory: allocation of 5 bytes failed');", 4],
    ["of an allocation that no memory could hold", "new Array<u8>(-1);", 4],
  ])("takes an abort %s for the guest's", async (_, body, memoryMb) => {
    const hold = "const kept = heap.alloc(20 << 20); if (kept == 1) return 0;";
    const module = await load(`${memoryMb > 20 ? hold : ""} ${body} return answer("1");`, { memoryMb });
    expect((await failure(() => module.invoke("echo", "0"))).code).toBe("ERR_EXT_GUEST");
  });

  it("has the clocks, the timers and the assertions of the console", async () => {
    const log: LogLine[] = [];
    const module = await load(
      `console.time("work"); console.time("work"); console.assert(length < 0, "no length"); console.assert(true);
      console.timeLog("work"); console.timeEnd("work"); console.timeEnd("work");
      const before = performance.now(); const time = process.hrtime();
      return answer('[' + Date.now().toString() + ',' + before.toString() + ',' + (performance.now() - before).toString() + ',' + time.toString() + ']');`,
      { log },
    );
    const [now, mine, took, time] = JSON.parse(await module.invoke("echo", "0")) as number[];
    expect(Math.abs(now! - Date.now())).toBeLessThan(60_000);
    expect(mine).toBeGreaterThanOrEqual(0);
    expect(mine).toBeLessThan(600_000);
    expect(took).toBeGreaterThanOrEqual(0);
    expect(time).toBeGreaterThanOrEqual(Math.floor(mine! * 1e6));
    expect(log.map(({ level, message }) => `${level} ${message.replace(/[\d.]+ms/, "…ms")}`)).toEqual([
      "warn the timer work runs already",
      "error Assertion failed: no length",
      "info work: …ms",
      "info work: …ms",
      "warn there is no timer work",
    ]);
  });

  it.each(["incremental", "minimal", "stub"])("has random bytes, as many as it likes (runtime %s)", async (runtime) => {
    const body = `let different = 0, sum = 0;
      for (let i = 0; i < 200; i++) {
        const bytes = new Uint8Array(1000 + i); crypto.getRandomValues(bytes);
        for (let at = 0; at < bytes.length; at++) { sum += bytes[at]; if (at > 0 && bytes[at] != bytes[at - 1]) different++; }
        const text = "x".repeat(i); if (text.length != i) throw new Error("the heap is broken");
      }
      return answer('[' + different.toString() + ',' + sum.toString() + ']');`;
    const source = `export function echo(pointer: usize, length: i32): u64 { ${body} }`;
    const module = await loadGuest(await compile(source, { runtime }), { memoryMb: 64 });
    for (let call = 0; call < 10; call++) {
      const [different, sum] = JSON.parse(await module.invoke("echo", "0")) as number[];
      expect(different! / 219_900).toBeGreaterThan(0.9);
      expect(sum! / 219_900).toBeGreaterThan(120);
      expect(sum! / 219_900).toBeLessThan(135);
    }
    expect(module.stats().instancesCreated).toBe(1);
  });

  it("gives random bytes back, and not more than JavaScript does at a time", async () => {
    const body = (size: number) =>
      `for (let i = 0; i < 8; i++) crypto.getRandomValues(new Uint8Array(${size})); return answer("1");`;
    const module = await load(body(65_536), { memoryMb: 4, pool: 1 });
    for (let call = 0; call < 50; call++) expect(await module.invoke("echo", "0")).toBe("1");
    const greedy = await load(body(65_537));
    expect((await failure(() => greedy.invoke("echo", "0"))).guest?.name).toBe("QuotaExceededError");
  });

  it("can end by process.exit, and compute by the Math of JavaScript", async () => {
    const exits = await load('process.exit(3); return answer("1");');
    expect((await failure(() => exits.invoke("echo", "0"))).message).toBe("guest.echo: ExitError: exit code 3");
    const source = `export function echo(pointer: usize, length: i32): u64 {
      return answer('[' + Math.sin(1).toString() + ',' + Math.pow(2, 0.5).toString() + ',' + Math.clz32(1).toString() + ',' + Math.fround(0.1).toString() + ']'); }`;
    const module = await loadGuest(await compile(source, { use: ["Math=JSMath"] }));
    expect(JSON.parse(await module.invoke("echo", "0"))).toEqual([Math.sin(1), 2 ** 0.5, 31, expect.closeTo(0.1, 6)]);
  });

  it("runs its top level by the name that --exportStart gives it", async () => {
    const source = `let started = 0; started++; console.log("top level");
      export function echo(pointer: usize, length: i32): u64 { return answer(started.toString()); }`;
    for (const exportStart of ["_start", "_initialize", undefined]) {
      const log: LogLine[] = [];
      const module = await loadGuest(await compile(source, exportStart === undefined ? {} : { exportStart }), { log });
      expect(await module.invoke("echo", "0")).toBe("1");
      expect(await module.invoke("echo", "0")).toBe("1");
      // A start function runs before there is a memory to read a text in.
      expect(log.map(({ message }) => message)).toEqual([exportStart === undefined ? "" : "top level"]);
    }
  });

  it("reads a string no further than its memory goes", async () => {
    const module = await load(
      'store<u32>(pointer - 4, 0xfffffff0); abort(changetype<string>(pointer), changetype<string>(0xffffffff)); return answer("1");',
    );
    expect((await failure(() => module.invoke("echo", "0"))).guest).toMatchObject({ name: "Error", message: "abort" });
  });
});
