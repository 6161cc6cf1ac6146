import { execFileSync } from "node:child_process";
import vm from "node:vm";
import { describe, expect, it } from "vitest";

interface Guest {
  readonly module: string;
  readonly files: Readonly<Record<string, string | Uint8Array>>;
}

/** The kit's inside, as it is built. */
const { kitGuests } = (await import(new URL("../dist/sources/index.js", import.meta.url).href)) as {
  kitGuests(language: string): ReadonlyMap<string, Guest>;
};

function codeOf(language: string): string | Uint8Array {
  const guest = kitGuests(language).get("fresh")!;
  return guest.files[guest.module]!;
}

describe("every trace of the guests for fresh calls is seen where nothing is put back", () => {
  it("in JavaScript", () => {
    const context = vm.createContext({ console: {} });
    const code = String(codeOf("javascript")).replaceAll("export function", "function");
    const text = vm.runInContext(`${code}\nJSON.stringify([look(), Object.keys(traces), (leave(1), look())])`, context);
    const [before, all, after] = JSON.parse(text);
    expect(before).toEqual([]);
    expect(after).toEqual(["top", ...all]);
    expect(all.length).toBeGreaterThan(15);
  });

  it("in Python", () => {
    const program = `${codeOf("python")}\nimport json\nprint(json.dumps([look(0), list(TRACES), (leave(1), look(0))[1]]))`;
    const [before, all, after] = JSON.parse(execFileSync("python3", ["-c", program], { encoding: "utf8" }));
    expect([before, after]).toEqual([[], ["top", ...all]]);
  });

  it("in WebAssembly, one after the other", () => {
    const wasm = (globalThis as unknown as { WebAssembly: WasmApi }).WebAssembly;
    const module = new wasm.Module(codeOf("wasm") as Uint8Array);
    const exports = new wasm.Instance(module, {}).exports as Record<string, (...args: number[]) => bigint> & {
      memory: { buffer: ArrayBuffer };
    };
    const answer = (packed: bigint) =>
      Buffer.from(exports.memory.buffer, Number(packed >> 32n), Number(packed & 0xffff_ffffn)).toString();
    const look = () => answer(exports.look!(0, 0));
    const put = (at: number, value: number) => new DataView(exports.memory.buffer).setInt32(at, value, true);
    expect(look()).toBe("[]");
    exports.leave!(0, 0);
    expect(look()).toBe('["top"]');
    put(256, 42);
    expect(look()).toBe('["top"]');
  });
});

interface WasmApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
}
