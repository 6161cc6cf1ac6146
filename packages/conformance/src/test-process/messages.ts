import type { Facts } from "../facts/facts.ts";

/** From the parent: run this test. */
export interface RunMessage {
  readonly run: string;
}

/** From the child. */
export type ChildMessage =
  | { readonly ready: Facts }
  | { readonly broken: FailureText }
  | { readonly done: string; readonly failure?: FailureText | undefined };

export interface FailureText {
  readonly message: string;
  readonly stack: string;
}
