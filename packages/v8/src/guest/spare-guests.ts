import type { IsolatedVm } from "../isolate/isolated-vm.ts";
import { Guest } from "./guest.ts";
import type { GuestKind } from "./guest-kind.ts";
import { runLater } from "./sync-or-async.ts";

/** Milliseconds from a load to the making of the next spare: what was loaded has had its first calls by then. */
const REST_MS = 10;

/**
 * An isolate with its context and the dispatcher in it, ready for somebody's code, of the kind that was wanted last: making one takes longer than the rest
 * of a load. No code has run in it, so whoever takes it finds it as a new one. All engines of a process share it: many of them, each with one of its own that nobody
 * closes, would fill the memory.
 */
export class SpareGuests {
  #spare: { readonly guest: Guest; readonly key: string } | undefined;
  #wanted: { readonly vm: IsolatedVm; readonly kind: GuestKind; readonly key: string } | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** Whether there is a spare one. */
  get ready(): boolean {
    return this.#spare !== undefined;
  }

  /** The spare one where it is of this kind, or a new one. The next spare is of this kind. */
  take(vm: IsolatedVm, kind: GuestKind): Guest {
    const key = JSON.stringify(kind);
    this.#wanted = { vm, kind, key };
    this.#timer ??= setTimeout(() => this.#refill(), REST_MS).unref();
    const spare = this.#spare;
    if (spare?.key !== key || spare.guest.broken) return new Guest(vm, kind);
    this.#spare = undefined;
    return spare.guest;
  }

  /** Lets go of the spare one, until the next load. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#wanted = undefined;
    this.#drop();
  }

  async #refill(): Promise<void> {
    const wanted = this.#wanted!;
    const { vm, kind, key } = wanted;
    if (this.#spare?.key !== key || this.#spare.guest.broken) {
      this.#drop();
      try {
        const guest = new Guest(vm, kind);
        await runLater(guest, guest.prepare());
        this.#drop();
        if (this.#wanted === undefined) guest.close();
        else this.#spare = { guest, key };
      } catch {
        // The load that wants one makes its own, and tells what is wrong.
      }
    }
    this.#timer = undefined;
  }

  #drop(): void {
    this.#spare?.guest.close();
    this.#spare = undefined;
  }
}

/** Of this process. */
export const spareGuests = new SpareGuests();
