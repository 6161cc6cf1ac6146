import { floors } from "../floors/index.ts";
import type { Opened, OpenOptions, SubjectSpec } from "./subject.ts";

/** Makes a subject ready, in the process of a trial, which imports nothing of the others. */
export async function openSubject(spec: SubjectSpec, options: OpenOptions): Promise<Opened> {
  const { source } = spec;
  switch (source.from) {
    case "engine":
      return (await import("./engines.ts")).openEngine(spec, options);
    case "peer":
      return (await import("./open-peer.ts")).openPeer(source.peer, options);
    case "floor":
      return openFloor(source.floor, options, source.argument);
    case "self-timed":
      throw new TypeError(`${spec.id} counts its own time and cannot be called`);
  }
}

export async function openFloor(name: string, options: OpenOptions, argument?: string): Promise<Opened> {
  const open = floors[name];
  if (open === undefined) throw new TypeError(`there is no floor ${name}`);
  return open(options, argument);
}
