import { describe, expect, it } from "vitest";
import { DEFAULT_BOUNDS } from "../../src/contract/bounds.ts";
import { CALL_STATES_BYTES, CallStates } from "../../src/placement/wire/call-states.ts";
import { FLAG, KIND, NO_DEADLINE, PROTOCOL_VERSION } from "../../src/placement/wire/protocol.ts";
import { Agent } from "../../src/placement/worker/agent.ts";
import type { AgentLink } from "../../src/placement/worker/agent-link.ts";

const PROGRAM = 1;
const INSTANCE = 7;
const KIND_NAMES = new Map(Object.entries(KIND).map(([name, kind]) => [kind as number, name]));

/** A worker's side with one instance of the engine beside this file, and what it sends. */
async function started() {
  const sent: { kind: string; key: number; broken: boolean; body: string }[] = [];
  const link: AgentLink = {
    states: new CallStates(new SharedArrayBuffer(CALL_STATES_BYTES)),
    ownProcess: false,
    send: (kind, flags, _number, key, _target, _time, body) => {
      sent.push({ kind: KIND_NAMES.get(kind)!, key, broken: (flags & FLAG.broken) !== 0, body: String(body) });
    },
    flush() {},
    flushSoon() {},
    receive() {},
    begins() {},
    noteLines() {},
  };
  const agent = new Agent(link);
  const settle = async () => {
    while (agent.pending > 0) await new Promise(setImmediate);
  };
  const engine = { module: new URL("agent-engine.mjs", import.meta.url).href, export: "makeEngine" };
  const manifest = { name: "guest", exports: ["f"], permissions: [] };
  const message = {
    manifest,
    location: "memory:guest",
    limited: false,
    deadlines: undefined,
    maxInstances: 1,
    bounds: DEFAULT_BOUNDS,
    files: [],
  };
  agent.frame(KIND.start, 0, 0, 0, 0, 0, JSON.stringify({ version: PROTOCOL_VERSION, engine }));
  await settle();
  agent.frame(KIND.compile, 0, 0, 1, PROGRAM, NO_DEADLINE, JSON.stringify(message));
  agent.frame(KIND.instantiate, 0, 0, 2, PROGRAM, NO_DEADLINE, String(INSTANCE));
  await settle();
  /** Calls with these payloads, together; how each ended. */
  const call = async (...payloads: string[]) => {
    sent.length = 0;
    payloads.forEach((payload, i) => {
      agent.frame(KIND.call, 0, 0, 10 + i, INSTANCE, NO_DEADLINE, JSON.stringify(payload));
    });
    while (agent.busy || agent.pending > 0) {
      agent.endOfBatch();
      await new Promise(setImmediate);
    }
    return sent.filter(({ kind }) => kind !== "later").map(({ kind, broken }) => (broken ? `${kind}, broken` : kind));
  };
  return { call };
}

describe("a worker that holds calls for an instance", () => {
  it("hands back those behind the one that broke it", async () => {
    const { call } = await started();
    expect(await call("a", "break", "b", "c")).toEqual(["done", "done, broken", "skipped, broken", "skipped, broken"]);
  });

  it("hands back what the instance hands back", async () => {
    const { call } = await started();
    expect(await call("hand back", "b")).toEqual(["skipped", "done"]);
    expect(await call("break and hand back", "b")).toEqual(["skipped, broken", "skipped, broken"]);
  });
});
