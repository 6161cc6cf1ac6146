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

async function compile(source: string): Promise<Uint8Array> {
  const { error, binary, stderr } = await asc.compileString(ABI + source, { optimizeLevel: 2, runtime: "incremental" });
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

  it("reads a string no further than its memory goes", async () => {
    const module = await load(
      'store<u32>(pointer - 4, 0xfffffff0); abort(changetype<string>(pointer), changetype<string>(0xffffffff)); return answer("1");',
    );
    expect((await failure(() => module.invoke("echo", "0"))).guest).toMatchObject({ name: "Error", message: "abort" });
  });
});
