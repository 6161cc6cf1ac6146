import { GREATEST_KEY, nextKey, SLOTS, slotOf, wasBefore } from "../../wire/call-states.ts";
import type { RemoteCall } from "./remote-call.ts";
import { ThreadSharing } from "./thread-sharing.ts";

/** The calls that a worker was sent and has not answered, by the slots of their keys. */
export class HeldCalls {
  /** Where calls run on the worker's own thread. */
  readonly sharing: ThreadSharing | undefined;
  readonly #calls: (RemoteCall | undefined)[] = [];
  /** The key that each slot had last. */
  readonly #lastKeys: number[] = [];
  /** Keys last used, of slots that are free. */
  readonly #freeKeys: number[] = [];
  #slots = 0;
  #sent = 0;
  #load = 0;
  #laters = 0;

  /** @param parallel the engine runs guests on threads of its own. */
  constructor(parallel: boolean) {
    this.sharing = parallel ? undefined : new ThreadSharing();
  }

  get load(): number {
    return this.#load;
  }

  /** Of these, asynchronous calls of guests that have returned their promise. */
  get laters(): number {
    return this.#laters;
  }

  /** A key for a call; `undefined` where the worker holds as many calls as it can. */
  takeKey(): number | undefined {
    const used = this.#freeKeys.pop();
    if (used !== undefined) return nextKey(used);
    return this.#slots < SLOTS ? nextKey(this.#slots++) : undefined;
  }

  /** A key that no call has taken. */
  returnKey(key: number): void {
    this.#freeKeys.push(key);
  }

  add(call: RemoteCall, key: number): void {
    call.key = key;
    call.place = ++this.#sent;
    this.#calls[slotOf(key)] = call;
    this.#lastKeys[slotOf(key)] = key;
    this.#load++;
    this.sharing?.add(call);
  }

  find(key: number): RemoteCall | undefined {
    const call = this.#calls[slotOf(key)];
    return call?.key === key ? call : undefined;
  }

  /** Answers may come twice, from a journal and through a pipe: the second time the slot may be another call's. */
  answeredBefore(key: number): boolean {
    const last = this.#lastKeys[slotOf(key)];
    return last !== undefined && key <= GREATEST_KEY && (last === key || wasBefore(key, last));
  }

  goOn(call: RemoteCall): void {
    if (isGuests(call) && !call.later) this.#laters++;
    call.goOn();
  }

  remove(call: RemoteCall): void {
    if (isGuests(call) && call.later) this.#laters--;
    this.#calls[slotOf(call.key)] = undefined;
    this.#load--;
    this.sharing?.remove(call);
    this.#freeKeys.push(call.key);
  }

  some(test: (call: RemoteCall) => boolean): boolean {
    return this.#calls.some((call) => call !== undefined && test(call));
  }

  /** In the order in which they were sent. */
  unsettled(): RemoteCall[] {
    const calls = this.#calls.filter((call) => call !== undefined && !call.settled) as RemoteCall[];
    return calls.sort((a, b) => a.place - b.place);
  }

  clear(): void {
    this.#calls.length = 0;
    this.#load = this.#laters = 0;
    this.sharing?.clear();
  }
}

/** Not the making of a program or an instance, which may come to wait for others without a sign. */
export function isGuests(call: RemoteCall): boolean {
  return call.repeatable === undefined;
}
