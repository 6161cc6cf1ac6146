import { type Call, type HostCalls, hasStackRoom, hostFailure } from "extruntime/engine";
import { MARK } from "./guest-javascript/index.ts";
import type { HostCallTaker } from "./vm/guest-requests.ts";
import { lostMemory } from "./vm/outcome.ts";
import type { Vm } from "./vm/vm.ts";
import type { Handle } from "./vm/vm-options.ts";

/** A call of a host function whose answer has not come. An object, since a handle's number is used again when it is freed. */
interface OpenCall {
  /** The guest's function for the answer. */
  readonly settle: Handle;
  /** Characters of its argument. */
  readonly characters: number;
}

/** What is left to do for a caller that was given a promise. */
interface Caller {
  resolve(result: string): void;
  reject(error: unknown): void;
}

/** Answers after which the event loop has its turn: a guest that asks on and on would keep timers and signals from firing. */
const ANSWERS_A_TURN = 64;

const STOPPED = hostFailure("Error", "the call was stopped");
const NO_ROOM = hostFailure("RangeError", "there is too little of the host's stack left to call a host function");

/**
 * One call of a guest that may call host functions. It ends at once where the guest's promises do, as they do when all
 * answers are there at once; otherwise it goes on with each answer until the promise of the exported function has settled.
 * Answers that come after that are dropped.
 */
export class HostedCall implements HostCallTaker {
  waiting = 0;
  readonly #vm: Vm;
  readonly #ask: HostCalls["call"];
  readonly #call: Call;
  readonly #onEnd: () => void;
  readonly #open = new Set<OpenCall>();
  #caller: Caller | undefined;
  #answers = 0;
  /** The event loop's turn that answers wait for, in their order. */
  #turn: Promise<void> | undefined;

  /** @param onEnd called once, when no guest code of this call will run any more, and before its caller has the result. */
  constructor(vm: Vm, ask: HostCalls["call"], call: Call, onEnd: () => void) {
    this.#vm = vm;
    this.#ask = ask;
    this.#call = call;
    this.#onEnd = onEnd;
  }

  start(invoker: Handle, payload: string): string | Promise<string> {
    this.#vm.requests.taker = this;
    const result = this.#run(() => this.#vm.begin(invoker, payload));
    if (result !== undefined) return result;
    return new Promise((resolve, reject) => {
      this.#caller = { resolve, reject };
    });
  }

  /** Ends a call that waits, or has one end that runs further up this very stack. */
  abort(): void {
    const error = this.#vm.stop(this.#call);
    if (this.#vm.running) return;
    this.#end();
    this.#caller?.reject(error);
  }

  asked(name: string, payload: string, keep: () => Handle): string | undefined {
    // A guest that was stopped steps on for a moment, and one that asks on and on takes few steps in its time.
    if (this.#vm.interrupted()) return STOPPED;
    if (!hasStackRoom()) return NO_ROOM;
    const answer = this.#ask(name, payload, this.#call);
    if (typeof answer === "string") return answer;
    const open = { settle: keep(), characters: payload.length };
    this.waiting += payload.length;
    this.#open.add(open);
    void answer.then((text) => this.#take(open, text));
    return undefined;
  }

  #take(open: OpenCall, answer: string): void {
    if (this.#turn === undefined && ++this.#answers % ANSWERS_A_TURN === 0) this.#turn = this.#nextTurn();
    if (this.#turn === undefined) this.#goOn(open, answer);
    else void this.#turn.then(() => this.#goOn(open, answer));
  }

  #nextTurn(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(() => {
        this.#turn = undefined;
        resolve();
      });
    });
  }

  #goOn(open: OpenCall, answer: string): void {
    if (!this.#open.has(open)) return;
    const vm = this.#vm;
    let result: string | undefined;
    try {
      result = this.#run(() => {
        if (vm.memory.dead) throw lostMemory();
        vm.callWithText(open.settle, answer);
        this.#open.delete(open);
        this.waiting -= open.characters;
        vm.release(open.settle);
        return vm.goOn();
      });
    } catch (error) {
      this.#caller?.reject(error);
      return;
    }
    if (result !== undefined) this.#caller?.resolve(result);
  }

  /** Runs the guest until it has nothing to do. Returns the result, or `undefined` while that hangs on answers of the host. */
  #run(body: () => string): string | undefined {
    const vm = this.#vm;
    let result: string | undefined;
    try {
      result = vm.run(this.#call, () => {
        const outcome = body();
        // Looked at once more, since the last thing that ran may have been a host function that took all the time.
        if (outcome === MARK.pending && this.#open.size > 0 && !vm.interrupted()) return undefined;
        return vm.result(outcome);
      });
    } catch (error) {
      this.#end();
      throw error;
    }
    if (result === undefined) vm.collectIfCrowded();
    else this.#end();
    return result;
  }

  #end(): void {
    const vm = this.#vm;
    vm.requests.taker = undefined;
    vm.releaseAll([...this.#open].map(({ settle }) => settle));
    this.#open.clear();
    this.#onEnd();
  }
}
