import { join } from "node:path";
import { PEERS } from "../paths.ts";
import { PEER_LIST } from "./peers.ts";
import { NoSuchGuest, type Opened, type OpenOptions } from "./subject.ts";

/** The peer's file lies in the workspace of the peers, so that its imports are found there. */
export async function openPeer(peer: string, options: OpenOptions): Promise<Opened> {
  const { guests = [] } = PEER_LIST.find(({ id }) => id === peer)!;
  if (options.guest !== "validate" && !guests.includes(options.guest))
    throw new NoSuchGuest(`benchmarks/peers/${peer}.mjs has the shared fixture alone`);
  const { open } = (await import(join(PEERS, `${peer}.mjs`))) as { open: (options: OpenOptions) => Promise<Opened> };
  return open(options);
}
