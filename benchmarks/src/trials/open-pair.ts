import { openFloor, openSubject } from "../subjects/open.ts";
import { peerSpecs } from "../subjects/peers.ts";
import type { Opened, SubjectSpec } from "../subjects/subject.ts";
import { asyncContestant, type Contestant, syncContestant } from "./interleave.ts";
import type { Pair } from "./pairs.ts";
import { PAYLOAD } from "./trial.ts";

export interface OpenPair {
  readonly sync?: Contestant | undefined;
  readonly async?: Contestant | undefined;
  /** Many at once, where it can be called. */
  readonly call?: Opened["call"];
  close(): void | Promise<void>;
}

/** Makes a floor ready beside a subject; `undefined` where it cannot run here, which its own row reports. */
export async function openPair(pair: Pair, spec: SubjectSpec): Promise<OpenPair | undefined> {
  try {
    return await open(pair, spec);
  } catch {
    return undefined;
  }
}

async function open({ id, kind, floor, argument }: Pair, spec: SubjectSpec): Promise<OpenPair> {
  if (kind === "inside-python") {
    const { insidePython } = await import("../floors/inside-python.ts");
    const loop = await insidePython(spec, argument);
    return { sync: { id, time: (count) => loop.time(count, PAYLOAD) }, close: () => loop.close() };
  }
  if (kind === "async-work") {
    const { asyncWork } = await import("../floors/async-work.ts");
    const run = asyncWork();
    return { async: asyncContestant(id, async () => String(await run()), "", ""), close() {} };
  }
  const from = spec.source.from === "engine" ? spec.source.module : undefined;
  const options = { guest: "validate", from } as const;
  const opened =
    kind === "peer"
      ? await openSubject(peerSpecs().find((peer) => peer.id === floor)!, options)
      : await openFloor(floor, options, argument);
  return {
    sync: opened.callSync && syncContestant(id, opened.callSync, "validate", PAYLOAD),
    async: opened.call && asyncContestant(id, opened.call, "validate", PAYLOAD),
    call: opened.call,
    close: () => opened.close(),
  };
}
