import type { Placement, SubjectInfo } from "../result.ts";

/** The guests that a subject may be asked for; not every subject has every one. */
export type GuestName = "validate" | "compute" | "forever";

export interface OpenOptions {
  readonly guest: GuestName;
  /** Instances that it may have. */
  readonly pool?: number | undefined;
  /** Milliseconds that a call may take. */
  readonly timeoutMs?: number | undefined;
  /** For a peer that must share a native addon with an engine in its process: the file that the engine is imported from. */
  readonly from?: string | undefined;
}

/** A subject made ready to be called. Payloads are JSON text, in and out, whoever it is. */
export interface Opened {
  /** On the calling thread, or with the calling thread waiting. */
  callSync?: ((fn: string, payload: string) => string) | undefined;
  call?: ((fn: string, payload: string) => Promise<string>) | undefined;
  /** With a deadline: rejects soon after `timeoutMs`. */
  callWithin?: ((fn: string, payload: string, timeoutMs: number) => Promise<string>) | undefined;
  close(): void | Promise<void>;
}

/** How to make a subject, inside the process of a trial. */
export type Open = (options: OpenOptions) => Promise<Opened>;

/** Everything that the process of a trial must know to make its subject; it travels as JSON. */
export interface SubjectSpec extends SubjectInfo {
  /** Environment that its processes need, for example which CPython. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Flags of Node. */
  readonly flags?: readonly string[] | undefined;
  readonly source:
    | {
        readonly from: "engine";
        /** What to import for its factory, which has the runtime's own name. */
        readonly module: string;
        readonly placement: Placement;
        /** Further options of its factory. */
        readonly options?: Readonly<Record<string, unknown>> | undefined;
        /** Folder of `fixtures/validate-email`. */
        readonly fixture: string;
        /** Put into the manifests of its guests. */
        readonly manifest?: Readonly<Record<string, unknown>> | undefined;
      }
    | { readonly from: "floor"; readonly floor: string; readonly argument?: string | undefined }
    | { readonly from: "self-timed" }
    | { readonly from: "peer"; readonly peer: string };
}

/** Thrown by a subject for a guest that it has no version of. */
export class NoSuchGuest extends Error {}
