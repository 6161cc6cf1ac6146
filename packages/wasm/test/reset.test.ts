import { describe, expect, it } from "vitest";
import wabt from "wabt";
import { nightly } from "../../../fixtures/index.js";
import { MemoryImage } from "../src/machine/memory/memory-image.ts";
import { FAILED_GROWTHS, watchGrowth } from "../src/machine/module/grow-watch.ts";
import { limitMemory } from "../src/machine/module/memory-limit.ts";
import { readShape } from "../src/machine/module/module-shape.ts";
import { changesMore, exportState, globalsIn } from "../src/machine/state.ts";
import { Ticker } from "../src/machine/ticks/ticker.ts";
import { addTicks, COUNTDOWN } from "../src/machine/ticks/ticks.ts";
import { type WasmGlobal, type WasmMemory, wasmApi } from "../src/machine/webassembly.ts";
import { generatedModule } from "./generated-modules.ts";

/** Seeds of this run; another stretch of them with `EXTRUNTIME_WASM_SEED`. */
const FIRST = Number(process.env.EXTRUNTIME_WASM_SEED ?? 1);
const SEEDS = nightly ? 300 : 24;
const STOPS = 40;
/** Ticks after which a run is stopped. */
const MOST_TICKS = 60;
const FUEL = 3000;

const assembler = await wabt();
const FEATURES = { bulk_memory: true, exceptions: true, reference_types: true, tail_call: true, mutable_globals: true };

type Exports = Record<string, unknown>;

function assemble(text: string): Uint8Array {
  const parsed = assembler.parseWat("generated.wat", text, FEATURES);
  const { buffer } = parsed.toBinary({});
  parsed.destroy();
  return buffer;
}

/** As the engine makes it. */
function built(bytes: Uint8Array, ticking: boolean): Uint8Array {
  const shape = readShape(bytes);
  const limited = limitMemory(bytes, shape, 64, watchGrowth(bytes, shape)).bytes;
  const whole = exportState(limited, readShape(limited));
  return ticking ? addTicks(whole, readShape(whole)) : whole;
}

function instance(bytes: Uint8Array): Exports {
  return new wasmApi.Instance(new wasmApi.Module(bytes), {}).exports as Exports;
}

const memoryOf = (exports: Exports) => Buffer.from((exports.memory as WasmMemory).buffer);

class Stopped extends Error {}

/** What a run comes to: its answer or how it ended, and its globals. */
function run(exports: Exports, payload: number): unknown[] {
  (exports.fuel as WasmGlobal).value = FUEL;
  let outcome: string;
  try {
    outcome = String((exports.run as (p: number, q: bigint) => number)(payload, 5n));
  } catch (error) {
    outcome = error instanceof Error ? error.message : "an exception of its own";
  }
  return [outcome, ...["fuel", "a", "b", "c"].map((name) => String((exports[name] as WasmGlobal).value))];
}

/** Generated modules but for what no instance can be put back from. */
function movableModule(seed: number): Uint8Array | undefined {
  const text = generatedModule(seed).replaceAll(
    /\(table\.set[^)]*\)[^)]*\)\)|\(drop \(table\.grow[^)]*\)[^)]*\)\)\)/g,
    "(nop)",
  );
  const bytes = assemble(text);
  return changesMore(bytes, readShape(bytes)) ? undefined : bytes;
}

const seeds = Array.from({ length: SEEDS }, (_, i) => FIRST + i);

describe("a module whose memory has a size of its own", () => {
  it("computes what it did, is valid to a second tool, and counts each growth that fails", () => {
    let grown = 0;
    let failed = 0;
    for (const seed of seeds) {
      const bytes = assemble(generatedModule(seed));
      const read = assembler.readWasm(new Uint8Array(built(bytes, false)), { ...FEATURES, readDebugNames: false });
      (read as unknown as { validate(features: object): void }).validate(FEATURES);
      read.destroy();
      const [plain, other] = [instance(bytes), instance(built(bytes, false))];
      for (const payload of [0, 9]) expect(run(other, payload), `seed ${seed}`).toEqual(run(plain, payload));
      expect(memoryOf(other).equals(memoryOf(plain)), `seed ${seed}`).toBe(true);
      if (memoryOf(other).length > 40 * 65_536) grown++;
      failed += (other[FAILED_GROWTHS] as WasmGlobal | undefined)?.value ?? 0;
    }
    expect(grown).toBeGreaterThan(0);
    expect(failed).toBeGreaterThan(0);
  });

  it("has the instructions' answers at every edge", () => {
    const bytes = assemble(`(module (memory (export "memory") 2 5)
      (func (export "size") (result i32) memory.size) (func (export "grow") (param i32) (result i32) local.get 0 memory.grow))`);
    const [plain, other] = [instance(bytes), instance(built(bytes, false))];
    for (const pages of [0, 1, -1, 0x7fff_ffff, -0x8000_0000, 65_535, 65_536, 3, 2, 0, 1, -2]) {
      const answers = [plain, other].map((exports) =>
        ["grow", "size"].map((name) => (exports[name] as (pages: number) => number)(pages)),
      );
      expect(answers[1], `grow by ${pages}`).toEqual(answers[0]);
    }
  });
});

describe("an instance that is put back", () => {
  it(`after stops at random places computes what a new one does: seeds ${FIRST} to ${FIRST + SEEDS - 1}`, () => {
    let state = FIRST;
    const below = (most: number) => {
      state = (Math.imul(state, 48_271) >>> 0) % 2_147_483_647;
      return state % most;
    };
    let stops = 0;
    for (const seed of seeds) {
      const bytes = movableModule(seed);
      if (bytes === undefined) continue;
      const build = built(bytes, true);
      const make = () => {
        const exports = instance(build);
        let stopping = false;
        new Ticker(() => {
          if (stopping) throw new Stopped("stopped");
        }).attach(exports);
        const countdown = exports[COUNTDOWN] as WasmGlobal;
        return (payload: number, ticks: number | undefined) => {
          stopping = ticks !== undefined;
          countdown.value = ticks ?? 0;
          return { exports, outcome: run(exports, payload) };
        };
      };
      const start = make();
      // What its top level would do.
      const { exports } = start(3, undefined);
      const globals = globalsIn(exports);
      const image = MemoryImage.of(memoryOf(exports), globals);
      for (let i = 0; i < STOPS; i++) {
        const { outcome } = start(below(1000), below(MOST_TICKS));
        if (outcome[0] === "stopped") stops++;
        image.writeTo(memoryOf(exports), globals);
        if (i % 8 !== 7) continue;
        const anew = make();
        anew(3, undefined);
        const payload = below(1000);
        const [expected, actual] = [anew(payload, undefined), start(payload, undefined)];
        expect(actual.outcome, `seed ${seed}, stop ${i}`).toEqual(expected.outcome);
        const [own, other] = [memoryOf(exports), memoryOf(expected.exports)];
        expect(own.compare(other, 0, other.length, 0, other.length), `seed ${seed}, stop ${i}`).toBe(0);
        image.writeTo(memoryOf(exports), globals);
      }
    }
    expect(stops).toBeGreaterThan(SEEDS * 5);
  });
});
