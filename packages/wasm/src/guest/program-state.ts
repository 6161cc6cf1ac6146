import type { MemoryImage } from "../machine/memory/memory-image.ts";
import type { WasiState } from "../machine/wasi/wasi.ts";
import type { EnvState } from "./assemblyscript.ts";

/** What the instances of one program have in common. */
export interface ProgramState {
  /** They have ticks from their start on, as they do once one of its calls had a deadline. */
  ticks: boolean;
  /** They are put back to the image: before each call where that was asked for, else after calls that failed, once one has. */
  resets: boolean;
  /** How an instance is when it may serve: after its start, or, of a command, before it. One is enough for all. */
  image: GuestImage | undefined;
}

/** The state of a guest, on both sides of its imports. */
export interface GuestImage {
  readonly memory: MemoryImage;
  readonly wasi: WasiState;
  readonly env: EnvState | undefined;
}
