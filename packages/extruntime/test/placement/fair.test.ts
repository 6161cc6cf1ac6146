import { describe, expect, it } from "vitest";
import { CallTurns } from "../../src/placement/worker/call-turns.ts";
import { guest, withRuntime } from "./guests.ts";

describe("turns", () => {
  /** Takes turns of so many milliseconds a party, and says whose they were. */
  const taken = (turns: CallTurns<string, string>, cost: Record<string, number>, count = 100) => {
    const order: string[] = [];
    for (let i = 0; i < count && turns.length > 0; i++) {
      const party = turns.next()!;
      order.push(party);
      turns.charge(party, cost[party]!);
    }
    return order;
  };
  const filled = (counts: Record<string, number>) => {
    const turns = new CallTurns<string, string>();
    for (const [party, count] of Object.entries(counts)) for (let i = 0; i < count; i++) turns.add(party, party);
    return turns;
  };

  it("are even in time, not in number", () => {
    const order = taken(filled({ heavy: 10, light: 50 }), { heavy: 10, light: 1 }, 33);
    expect(order.filter((party) => party === "heavy").length).toBe(3);
  });

  it("go to who came first where nothing was used", () => {
    expect(taken(filled({ a: 2, b: 2 }), { a: 1, b: 1 })).toEqual(["a", "b", "a", "b"]);
  });

  it("are not saved up by who has nothing to do", () => {
    const turns = filled({ busy: 100 });
    taken(turns, { busy: 1 }, 50);
    for (let i = 0; i < 10; i++) turns.add("late", "late");
    const order = taken(turns, { busy: 1, late: 1 }, 20);
    expect(order.filter((party) => party === "late").length).toBe(10);
    expect(order.slice(0, 4)).toEqual(["late", "busy", "late", "busy"]);
  });

  it("keep the order of each party, and what was there of one that is gone", () => {
    const turns = new CallTurns<string, number>();
    for (let i = 0; i < 5; i++) turns.add("a", i);
    turns.forget("a");
    turns.add("a", 5);
    const order = Array.from({ length: 6 }, () => turns.next());
    expect(order.slice(0, 5)).toEqual([0, 1, 2, 3, 4]);
    expect([order[5], turns.next(), turns.length]).toEqual([5, undefined, 0]);
  });
});

it("a module that computes without end in a worker lets another one's calls through", async () => {
  await withRuntime({ placement: "thread", threads: { max: 1, spare: 0 } }, async (runtime) => {
    const limits = { maxInstances: 8 };
    const [heavy, light] = await Promise.all(["heavy", "light"].map((name) => runtime.load(guest(name, { limits }))));
    // All eight instances are made before.
    await Promise.all(Array.from({ length: 50 }, () => heavy!.call("spin", 2)));
    await Promise.all(Array.from({ length: 50 }, () => light!.call("spin", 2)));
    const order: string[] = [];
    const calls = Array.from({ length: 64 }, () => heavy!.call("spin", 12).then(() => order.push("heavy")));
    calls.push(...[1, 2, 3].map(() => light!.call("echo", 1).then(() => order.push("light"))));
    await Promise.all(calls);
    expect(order.lastIndexOf("light")).toBeLessThan(7);
  });
});

/** Work of so many parts, each half a millisecond on a machine at rest; what the guest computes is of no matter. */
const WORK = `export const work = (parts) => { let sum = 0; for (let i = 0; i < parts * 300_000; i++) sum = (sum * 31 + i) | 0; return sum; };`;

it("modules that ask for several times what a worker can do have even parts of its time", async () => {
  await withRuntime({ placement: "thread", threads: { max: 1, spare: 0 } }, async (runtime) => {
    const costs = [1, 2, 8];
    const limits = { maxInstances: 4 };
    const modules = await Promise.all(costs.map((cost) => runtime.load(guest(`module${cost}`, { limits }, WORK))));
    // All instances are made before.
    for (const module of modules) await Promise.all(Array.from({ length: 30 }, () => module.call("work", 1)));
    const served = costs.map(() => 0);
    const total = () => served.reduce((sum, parts) => sum + parts, 0);
    // An even part is a third; by turns the first would have an eleventh.
    const least = () => Math.min(...served) / total();
    // A call that loses its processor counts for longer than it computed. On a busy machine that evens out over more of them.
    const isDone = () => total() >= 1200 && (least() > 0.16 || total() >= 6000);
    // Each has twenty calls under way at any time, until so much has been done.
    const caller = async (index: number) => {
      while (!isDone()) {
        await modules[index]!.call("work", costs[index]!);
        if (!isDone()) served[index]! += costs[index]!;
      }
    };
    await Promise.all(costs.flatMap((_, index) => Array.from({ length: 20 }, () => caller(index))));
    expect(least(), served.join(", ")).toBeGreaterThan(0.16);
  });
});
