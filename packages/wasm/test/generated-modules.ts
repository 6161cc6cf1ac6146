/** Modules that a seed makes: each a program that ends, and that uses what ticks are written into. */

const FUNCTIONS = 6;
const LOCALS = 4;
/** Bits of an address: within the first 64 KiB. */
const MASK = "(i32.const 0xfff8)";

export function generatedModule(seed: number): string {
  return new Generator(seed).module();
}

class Generator {
  #state: number;
  #depth = 0;
  #labels = 0;
  #fn = 0;

  constructor(seed: number) {
    this.#state = (seed * 2_654_435_761 + 1) >>> 0;
  }

  module(): string {
    const functions = Array.from({ length: FUNCTIONS }, (_, i) => this.#function(i)).join("\n");
    return `(module
      (type $t (func (param i32 i64) (result i32)))
      (memory (export "memory") 40 64)
      (table $table 8 16 funcref)
      (elem (i32.const 1) ${Array.from({ length: FUNCTIONS }, (_, i) => `$f${i}`).join(" ")})
      (data $passive "some bytes that are copied into memory when the code asks for them")
      (tag $e (param i32))
      (global $fuel (export "fuel") (mut i32) (i32.const 3000))
      (global $a (export "a") (mut i32) (i32.const 7)) (global $b (export "b") (mut i64) (i64.const 11))
      (global $c (export "c") (mut f64) (f64.const 0.5))
      ${functions}
      (export "run" (func $f0)))`;
  }

  #function(i: number): string {
    this.#fn = i;
    const locals = Array.from({ length: LOCALS }, (_, n) => `(local $x${n} i32)`).join(" ");
    return `(func $f${i} (param $p i32) (param $q i64) (result i32) ${locals} (local $y i64) (local $z f64)
      ${this.#fuel("(return (i32.const 3))")}
      ${this.#statements(2 + this.#below(5))}
      ${this.#below(4) === 0 && i + 1 < FUNCTIONS ? `(return_call $f${i + 1} ${this.#i32()} (local.get $y))` : this.#i32()})`;
  }

  /** Ends what runs on once there has been enough of it. */
  #fuel(end: string): string {
    return `(global.set $fuel (i32.sub (global.get $fuel) (i32.const 1))) (if (i32.lt_s (global.get $fuel) (i32.const 0)) (then ${end}))`;
  }

  #statements(count: number): string {
    this.#depth++;
    const all = Array.from({ length: count }, () => this.#statement()).join("\n");
    this.#depth--;
    return all;
  }

  #statement(): string {
    const deep = this.#depth > 4;
    const label = `$l${this.#labels++}`;
    switch (this.#below(deep ? 9 : 17)) {
      case 0:
        return `(local.set $x${this.#below(LOCALS)} ${this.#i32()})`;
      case 1:
        return `(global.set $a (i32.add (global.get $a) ${this.#i32()}))`;
      case 2:
        return `(i32.store (i32.and ${this.#i32()} ${MASK}) ${this.#i32()})`;
      case 3:
        return `(local.set $y (i64.mul (i64.add (local.get $y) (i64.extend_i32_s ${this.#i32()})) (i64.const 6364136223846793005)))`;
      case 4:
        return `(global.set $c (f64.add (f64.convert_i32_s ${this.#i32()}) (f64.mul (global.get $c) (f64.const 0.25)))) (i64.store (i32.and ${this.#i32()} ${MASK}) (local.get $y))`;
      case 5:
        return this.#below(3) === 0 ? this.#bulk() : `(drop (i32.load (i32.and ${this.#i32()} ${MASK})))`;
      case 6:
        return `(drop (memory.grow (i32.and ${this.#i32()} (i32.const 1))))`;
      case 7:
        return this.#below(2) === 0
          ? `(table.set $table (i32.const 7) (ref.func $f${this.#below(FUNCTIONS)}))`
          : `(drop (table.grow $table (ref.null func) (i32.const 1)))`;
      case 8:
        return `(global.set $b (i64.xor (global.get $b) (i64.extend_i32_u ${this.#i32()})))`;
      case 9:
      case 10:
        return `(block $out${label.slice(1)} (loop ${label} ${this.#fuel(`(br $out${label.slice(1)})`)} ${this.#statements(1 + this.#below(4))} (br_if ${label} ${this.#i32()})))`;
      case 11:
        return `(loop ${label} ${this.#fuel("(return (i32.const 5))")} ${this.#statements(1 + this.#below(2))} (if (i32.lt_u ${this.#i32()} (i32.const 1000)) (then ${this.#statements(1)} (br ${label})) (else ${this.#statements(1)})))`;
      case 12:
        return `(block ${label} (block (block (br_table 0 1 ${label} (i32.and ${this.#i32()} (i32.const 3)))) ${this.#statements(1)}) ${this.#statements(1)})`;
      case 13:
        return this.#fn + 1 < FUNCTIONS
          ? `(local.set $x${this.#below(LOCALS)} (call $f${this.#fn + 1 + this.#below(FUNCTIONS - this.#fn - 1)} ${this.#i32()} (local.get $y)))`
          : `(drop ${this.#i32()})`;
      case 14:
        return `(local.set $x${this.#below(LOCALS)} (call_indirect $table (type $t) ${this.#i32()} (local.get $q) (i32.add (i32.const 1) (i32.and ${this.#i32()} (i32.const 3)))))`;
      case 15:
        return `(try (do ${this.#statements(1)} (if (i32.and ${this.#i32()} (i32.const 1)) (then (throw $e ${this.#i32()})))) (catch $e (local.set $x0)) (catch_all ${this.#statements(1)}))`;
      default:
        return `(if ${this.#i32()} (then ${this.#statements(2)}) (else ${this.#statements(1)}))`;
    }
  }

  /** Small ones, ones of more than a chunk, ones that overlap, and now and then one that leads outside. */
  #bulk(): string {
    const length = this.#below(40) === 0 ? 1_100_000 + this.#below(300_000) : this.#below(5000);
    const [to, from] = [this.#below(1_200_000), this.#below(1_200_000)];
    switch (this.#below(9)) {
      case 0:
      case 1:
      case 2:
        return `(memory.fill (i32.const ${to}) ${this.#i32()} (i32.const ${length}))`;
      case 3:
      case 4:
      case 5:
        return `(memory.copy (i32.const ${to}) (i32.const ${from}) (i32.const ${length}))`;
      case 6:
        return `(memory.copy (i32.const ${to}) (i32.const ${Math.max(0, to + 5 - this.#below(10))}) (i32.const ${length}))`;
      case 7:
        return `(memory.init $passive (i32.const ${to}) (i32.const 3) (i32.const ${this.#below(60)}))`;
      default:
        return this.#below(4) === 0
          ? `(memory.fill (i32.const 4000000) (i32.const 1) (i32.const ${length * 9}))`
          : `(memory.copy (i32.const 0) (i32.const 2000000) (i32.const ${length}))`;
    }
  }

  #i32(): string {
    switch (this.#below(this.#depth > 6 ? 4 : 9)) {
      case 0:
        return `(i32.const ${this.#below(2) === 0 ? this.#below(100) : this.#below(2 ** 32) - 2 ** 31})`;
      case 1:
        return `(local.get $x${this.#below(LOCALS)})`;
      case 2:
        return "(local.get $p)";
      case 3:
        return "(global.get $a)";
      case 4:
        return `(i32.load8_u (i32.and ${this.#i32()} ${MASK}))`;
      case 5:
        return "(memory.size)";
      case 6:
        return `(i32.wrap_i64 (local.get $y))`;
      case 7:
        return `(select ${this.#i32()} ${this.#i32()} ${this.#i32()})`;
      default:
        return `(i32.${["add", "sub", "mul", "xor", "rotl", "shr_u", "lt_s", "eq"][this.#below(8)]} ${this.#i32()} ${this.#i32()})`;
    }
  }

  #below(count: number): number {
    // xorshift32
    let x = this.#state || 1;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state % count;
  }
}
