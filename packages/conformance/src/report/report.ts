import type { Facts } from "../facts/facts.ts";
import { PROMISES, type PromiseName } from "../setup/promises.ts";
import type { ListedTest } from "../suite/test-list.ts";
import type { Outcome } from "../test-process/child-process.ts";

/** One test of the kit. */
export interface TestResult {
  /** The group that it is in. */
  readonly group: string;
  /** What it looks at. */
  readonly name: string;
  /** The promise that it tries. */
  readonly promise: PromiseName;
  /** How long it took, in milliseconds. */
  readonly ms: number;
  /** Why it failed; left out where it passed. */
  readonly failure?: string | undefined;
}

/** One promise of the engine, and whether it was proved. */
export interface PromiseResult {
  /** Name of the capability, or `contract`. */
  readonly promise: PromiseName;
  /** What the engine declares; `true` for the contract, which has no flag. */
  readonly declared: unknown;
  /** `false` where a test failed, and where nothing is promised and there is nothing to show. */
  readonly proved: boolean;
  /** `false` where the setup's `whole` leaves it out, so that the smoke set alone tried it. */
  readonly whole: boolean;
  /** Tests of it that passed. */
  readonly passed: number;
  /** Tests of it that failed. */
  readonly failed: number;
}

/** JSON. */
export interface ConformanceReport {
  /** Name of the runtime. */
  readonly runtime: string;
  /** Where it was tried. */
  readonly placement: string;
  /** Languages that it declares. */
  readonly languages: readonly string[];
  /** Set where the runtime only stands in for one that cannot run here: nothing but that was tested. */
  readonly unavailable?: string | undefined;
  /** Whether every test passed. */
  readonly passed: boolean;
  /** What it promises, each with what the tests found. */
  readonly promises: readonly PromiseResult[];
  /** Every test that ran. */
  readonly tests: readonly TestResult[];
}

export class Reporter {
  readonly #facts: Facts;
  readonly #tests: TestResult[] = [];

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  add(group: string, { name, promise }: ListedTest, { failure, ms }: Outcome): TestResult {
    const result = { group, name, promise, ms: Math.round(ms), failure: failure?.message };
    this.#tests.push(result);
    return result;
  }

  report(): ConformanceReport {
    const { name, placement, capabilities, unavailable, subjects } = this.#facts;
    return {
      runtime: name,
      placement,
      languages: subjects.map((subject) => subject.language),
      unavailable,
      passed: this.#tests.every((test) => test.failure === undefined),
      promises: PROMISES.map((promise) => this.#result(promise, promise === "contract" ? true : capabilities[promise])),
      tests: this.#tests,
    };
  }

  #result(promise: PromiseName, declared: unknown): PromiseResult {
    const own = this.#tests.filter((test) => test.promise === promise);
    const failed = own.filter((test) => test.failure !== undefined).length;
    const proved = own.length > 0 && failed === 0;
    const whole = this.#facts.subjects.every((subject) => subject.whole.includes(promise));
    return { promise, declared, proved, whole, passed: own.length - failed, failed };
  }
}
