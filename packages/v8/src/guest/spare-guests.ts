import type { IsolatedVm } from "../isolate/isolated-vm.ts";
import { Guest } from "./guest.ts";
import type { GuestKind } from "./guest-kind.ts";
import { runLater } from "./sync-or-async.ts";

/** Milliseconds from a load to the making of the next spare: what was loaded has had its first calls by then. */
const REST_MS = 10;

/**
 * An isolate with its context and the dispatcher in it, ready for somebody's code, of the kind that was wanted last: making one takes longer than the rest
 * of a load. No code has run in it, so whoever takes it finds it as a new one.
 */
export class SpareGuests {
  #spare: { readonly guest: Guest; readonly key: string } | undefined;
  #wanted: { readonly vm: IsolatedVm; readonly kind: GuestKind; readonly key: string } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** Whether there is a spare one. */
  get ready(): boolean {
    return this.#spare !== undefined;
  }

  /** The spare one where it is of this kind, or a new one. The next spare is of this kind. */
  take(vm: IsolatedVm, kind: GuestKind): Guest {
    const key = JSON.stringify(kind);
    this.#wanted = { vm, kind, key };
    if (!this.#closed) this.#timer ??= setTimeout(() => this.#refill(), REST_MS).unref();
    const spare = this.#spare;
    if (spare?.key !== key || spare.guest.broken) return new Guest(vm, kind);
    this.#spare = undefined;
    return spare.guest;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#drop();
  }

  async #refill(): Promise<void> {
    const { vm, kind, key } = this.#wanted!;
    if (this.#spare?.key === key && !this.#spare.guest.broken) {
      this.#timer = undefined;
      return;
    }
    this.#drop();
    try {
      const guest = new Guest(vm, kind);
      await runLater(guest, guest.prepare());
      this.#spare = { guest, key };
      if (this.#closed) this.#drop();
    } catch {
      // The load that wants one makes its own, and tells what is wrong.
    }
    this.#timer = undefined;
  }

  #drop(): void {
    this.#spare?.guest.close();
    this.#spare = undefined;
  }
}
