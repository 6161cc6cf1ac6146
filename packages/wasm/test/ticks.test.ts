import { describe, expect, it } from "vitest";
import wabt from "wabt";
import { readShape } from "../src/machine/module/module-shape.ts";
import { changesMore, exportState, moveState } from "../src/machine/state.ts";
import { Ticker } from "../src/machine/ticks/ticker.ts";
import { addTicks, COUNTDOWN } from "../src/machine/ticks/ticks.ts";
import { type WasmGlobal, type WasmMemory, wasmApi } from "../src/machine/webassembly.ts";
import { generatedModule } from "./generated-modules.ts";

/** Seeds of this run; another stretch of them with `EXTRUNTIME_WASM_SEED`. */
const FIRST = Number(process.env.EXTRUNTIME_WASM_SEED ?? 1);
const COUNT = 60;

const assembler = await wabt();
const FEATURES = {
  bulk_memory: true,
  exceptions: true,
  reference_types: true,
  tail_call: true,
  mutable_globals: true,
  multi_value: true,
};

function assemble(text: string): Uint8Array {
  const parsed = assembler.parseWat("generated.wat", text, FEATURES);
  const { buffer } = parsed.toBinary({});
  parsed.destroy();
  return buffer;
}

type Exports = Record<string, unknown>;

function run(exports: Exports, payload: number): unknown[] {
  let outcome: string;
  try {
    outcome = String((exports.run as (p: number, q: bigint) => number)(payload, 5n));
  } catch (error) {
    outcome = error instanceof Error ? error.message : "an exception of its own";
  }
  const globals = ["fuel", "a", "b", "c"].map((name) => String((exports[name] as WasmGlobal).value));
  return [outcome, ...globals];
}

function sameMemory(a: Exports, b: Exports): boolean {
  return Buffer.from((a.memory as WasmMemory).buffer).equals(Buffer.from((b.memory as WasmMemory).buffer));
}

function instance(bytes: Uint8Array): Exports {
  return new wasmApi.Instance(new wasmApi.Module(bytes), {}).exports as Exports;
}

function ticking(bytes: Uint8Array): Exports {
  const exports = instance(addTicks(bytes, readShape(bytes)));
  new Ticker(() => {}).attach(exports);
  return exports;
}

describe("a module with ticks", () => {
  const seeds = Array.from({ length: COUNT }, (_, i) => FIRST + i);

  it(`is valid to a second tool, and computes what it did without: seeds ${FIRST} to ${FIRST + COUNT - 1}`, () => {
    const outcomes = new Set<unknown>();
    let ticks = 0;
    for (const seed of seeds) {
      const bytes = assemble(generatedModule(seed));
      const ticked = addTicks(bytes, readShape(bytes));
      const read = assembler.readWasm(new Uint8Array(ticked), { ...FEATURES, readDebugNames: false });
      (read as unknown as { validate(features: object): void }).validate(FEATURES);
      read.destroy();
      const [plain, other] = [instance(bytes), ticking(bytes)];
      for (const payload of [0, 9]) {
        const expected = run(plain, payload);
        expect(run(other, payload), `seed ${seed}`).toEqual(expected);
        expect(sameMemory(plain, other), `seed ${seed}`).toBe(true);
        outcomes.add(expected[0]);
      }
      ticks += (other[COUNTDOWN] as WasmGlobal).value;
    }
    // They end in many ways, and count.
    expect(outcomes.size).toBeGreaterThan(COUNT / 10);
    expect(ticks).not.toBe(0);
  });

  it("goes on where one without them stopped, with all its state", () => {
    let moved = 0;
    for (const seed of seeds.slice(0, 30)) {
      // What changes tables stays where it is.
      const text = generatedModule(seed).replaceAll(
        /\(table\.set[^)]*\)[^)]*\)\)|\(drop \(table\.grow[^)]*\)[^)]*\)\)\)/g,
        "(nop)",
      );
      const bytes = assemble(text);
      const kept = exportState(bytes, readShape(bytes));
      if (changesMore(kept, readShape(kept))) continue;
      moved++;
      const [plain, twin, other] = [instance(kept), instance(kept), ticking(kept)];
      run(plain, 3);
      run(twin, 3);
      moveState(plain, other, "memory");
      (other.fuel as WasmGlobal).value = 3000;
      (twin.fuel as WasmGlobal).value = 3000;
      expect(run(other, 4), `seed ${seed}`).toEqual(run(twin, 4));
      expect(sameMemory(other, twin), `seed ${seed}`).toBe(true);
    }
    expect(moved).toBeGreaterThan(10);
  });

  it("is refused by V8 where its own code names what ticks add", () => {
    // The global of the countdown would be its second.
    const bytes = assemble(
      `(module (global $a (mut i32) (i32.const 0)) (memory (export "memory") 1) (func (export "run") (global.set $a (i32.const 1000000000))))`,
    );
    const named = Buffer.from(bytes);
    const at = named.lastIndexOf(Buffer.from([0x24, 0]));
    named[at + 1] = 1;
    expect(wasmApi.validate(named)).toBe(false);
    // Unchecked, it would set the countdown.
    expect(wasmApi.validate(addTicks(named, readShape(named)))).toBe(true);
  });
});
