import { describe, expect, it } from "vitest";
import { type Call, createRuntime } from "../src/engine.ts";
import type { Module } from "../src/index.ts";
import { fakeEngine, fakeExtension } from "./fake-engine.ts";

/** A module of which each call does with its limits what the test says, and answers. */
async function moduleThat(look: (call: Call) => void, size = 1): Promise<Module> {
  const engine = fakeEngine({ sync: true });
  const compile = engine.compile.bind(engine);
  engine.compile = async (extension, context) => {
    const program = await compile(extension, context);
    return {
      ...program,
      instantiate: (start) => {
        const instance = program.instantiate(start) as object;
        return Object.assign(instance, {
          invoke(_fn: string, payload: string, call: Call) {
            look(call);
            return payload.repeat(size);
          },
        }) as never;
      },
    };
  };
  return createRuntime(engine).load(fakeExtension("example", { timeoutMs: 50 }));
}

function wait(milliseconds: number): void {
  for (const until = performance.now() + milliseconds; performance.now() < until; );
}

describe("the deadline of a call that begins at once", () => {
  it("begins when it is first read, stays then, and is told of before", async () => {
    const seen: [boolean | undefined, number, number, number][] = [];
    const module = await moduleThat((call) => {
      const { hasDeadline } = call;
      wait(5);
      const now = performance.now();
      const first = call.deadline;
      wait(2);
      seen.push([hasDeadline, now, first, call.deadline]);
    });
    for (let i = 0; i < 3; i++) expect(module.invokeSync("echo", "1")).toBe("1");
    for (const [hasDeadline, now, first, second] of seen) {
      expect([hasDeadline, first - now >= 50]).toEqual([true, true]);
      expect(second).toBe(first);
    }
  });

  it("that an engine has read is looked at when the call ends", async () => {
    const late = await moduleThat((call) => {
      expect(call.deadline).toBeGreaterThan(0);
      wait(60);
    });
    await expect(late.invoke("echo", "1")).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
    expect(() => late.invokeSync("echo", "1")).toThrow("time was up");
  });

  it("that nobody has read is not: the call was short", async () => {
    const module = await moduleThat(() => {});
    for (let i = 0; i < 100; i++) expect(await module.invoke("echo", "1")).toBe("1");
  });

  it("begins with the call where its payload is long, or it has to wait for an instance", async () => {
    const begins: (boolean | undefined)[] = [];
    const module = await moduleThat((call) => void begins.push(call.hasDeadline));
    module.invokeSync("echo", JSON.stringify("x".repeat(100_000)));
    await module.invoke("echo", "1");
    expect(begins).toEqual([undefined, true]);
  });
});
