import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe, tracingChannel, unsubscribe } from "node:diagnostics_channel";
import { afterEach, describe, expect, it } from "vitest";
import { createRuntime } from "../src/engine.ts";
import { type CallMessage, type ExtensionFiles, ExtensionHost, native } from "../src/index.ts";
import { fakeEngine, fakeExtension } from "./fake-engine.ts";

type Seen = [event: string, message: Record<string, unknown>];

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** What comes on a tracing channel. */
function traced(name: string): Seen[] {
  const seen: Seen[] = [];
  const at = (event: string) => (message: unknown) => void seen.push([event, message as Record<string, unknown>]);
  const all = {
    ...{ start: at("start"), end: at("end"), error: at("error") },
    ...{ asyncStart: at("asyncStart"), asyncEnd: at("asyncEnd") },
  };
  const channel = tracingChannel(`extruntime:${name}`);
  channel.subscribe(all);
  ends.push(() => channel.unsubscribe(all));
  return seen;
}

function plain(name: string): unknown[] {
  const seen: unknown[] = [];
  const at = (message: unknown) => void seen.push(message);
  subscribe(`extruntime:${name}`, at);
  ends.push(() => unsubscribe(`extruntime:${name}`, at));
  return seen;
}

const SOURCE: ExtensionFiles = {
  manifest: {
    ...{ name: "one", version: "1.0.0", runtime: "native", module: "main.js" },
    ...{ exports: ["now", "later", "fail", "ask"], permissions: ["give"] },
  },
  files: {
    "main.js": `
export const now = (value) => value;
export const later = async (value) => value;
export const fail = () => { throw new Error("no"); };
export const ask = (value, { host }) => host.call("give", value);
`,
  },
};
const ONE = { extension: "one", version: "1.0.0", runtime: "native", placement: "inline" };

async function hostOf(give: (value: string) => unknown = (value) => value): Promise<ExtensionHost> {
  const host = new ExtensionHost({ runtimes: [native()], hostFunctions: { give } });
  ends.push(() => host.close());
  await host.load(SOURCE);
  return host;
}

const names = (seen: Seen[]) => seen.map(([event]) => event);

describe("events", () => {
  it("of a load tell whose it is as far as is known", async () => {
    const seen = traced("load");
    const runtime = native();
    await runtime.load(SOURCE, { hostFunctions: { give: () => 1 } });
    await runtime.load({ manifest: "nonsense" as never, files: {} }).catch(() => {});
    expect(names(seen)).toEqual([
      ...["start", "end", "asyncStart", "asyncEnd"],
      ...["start", "end", "error", "asyncStart", "asyncEnd"],
    ]);
    expect(seen[3]![1]).toMatchObject(ONE);
    expect(seen[8]![1]).toMatchObject({ runtime: "native", extension: undefined });
    await runtime.close();
  });

  it("of a call come in order, with one message that ends with its result or error", async () => {
    const host = await hostOf();
    const seen = traced("call");
    await host.call("one", "now", 1);
    host.get("one")!.invokeSync("now", "2");
    await host.call("one", "fail").catch(() => {});
    await host.call("one", "missing").catch(() => {});
    expect(names(seen)).toEqual([
      ...["start", "end", "asyncStart", "asyncEnd"],
      ...["start", "end"],
      ...["start", "end", "error", "asyncStart", "asyncEnd"],
      ...["start", "end", "error", "asyncStart", "asyncEnd"],
    ]);
    const messages = [...new Set(seen.map(([, message]) => message as unknown as CallMessage))];
    expect(messages).toMatchObject([
      { ...ONE, function: "now", payload: "1", result: "1" },
      { ...ONE, function: "now", payload: "2", result: "2" },
      { ...ONE, function: "fail", error: { code: "ERR_EXT_GUEST" } },
      { ...ONE, function: "missing", error: { code: "ERR_EXT_UNKNOWN_FUNCTION" } },
    ]);
    expect(new Set(messages.map(({ callId }) => callId)).size).toBe(4);
  });

  it("of a host call name the call that it is for, and its context is the caller's", async () => {
    const context = new AsyncLocalStorage<number>();
    const inside: unknown[] = [];
    const host = await hostOf(async (value) => {
      inside.push(context.getStore());
      await null;
      if (value === "bad") throw new RangeError("bad");
      return value;
    });
    const calls = traced("call");
    const hostCalls = traced("host-call");
    tracingChannel("extruntime:call").start.bindStore(context, (message) => (message as CallMessage).callId);
    ends.push(() => tracingChannel("extruntime:call").start.unbindStore(context));
    await Promise.all([host.call("one", "ask", "a"), host.call("one", "ask", "bad").catch(() => {})]);
    const ids = [...new Set(calls.map(([, { callId }]) => callId))];
    expect(inside).toEqual(ids);
    const [good, bad] = ids.map((id) => hostCalls.filter(([, { callId }]) => callId === id));
    expect(names(good!)).toEqual(["start", "end", "asyncStart", "asyncEnd"]);
    expect(names(bad!)).toEqual(["start", "end", "error", "asyncStart", "asyncEnd"]);
    expect(bad![4]![1]).toMatchObject({
      extension: "one",
      version: "1.0.0",
      function: "give",
      error: { message: "bad" },
    });
  });

  it("of a wait, a stop, a crash and a replacement name the call and the extension", async () => {
    const engine = fakeEngine({ sync: true });
    const runtime = createRuntime(engine);
    ends.push(() => runtime.close({ abort: true }));
    const module = await runtime.load(fakeExtension("m"), { limits: { maxInstances: 1 } });
    const calls = traced("call");
    const waits = traced("wait");
    const [stops, crashes, replacements] = [plain("stop"), plain("crash"), plain("replacement")];
    const first = module.invoke("wait", "1");
    const second = module.invoke("wait", "2");
    const third = module.invoke("wait", "3", { timeoutMs: 20 }).catch(() => {});
    await third;
    engine.open[0]!.resolve("1");
    await first;
    engine.open[0]!.resolve("2");
    await second;
    await module.invoke("crash", "4").catch(() => {});
    const id = (payload: string) => calls.find(([, message]) => message.payload === payload)![1].callId;
    expect(waits.map(([event, { callId }]) => [event, callId])).toEqual([
      ...[id("2"), id("3")].flatMap((callId) => [
        ["start", callId],
        ["end", callId],
      ]),
      ...["error", "asyncStart", "asyncEnd"].map((event) => [event, id("3")]),
      ...["asyncStart", "asyncEnd"].map((event) => [event, id("2")]),
    ]);
    const own = { extension: "m", runtime: "fake", placement: "inline" };
    expect(stops).toMatchObject([{ ...own, callId: id("3"), function: "wait", cause: "deadline" }]);
    expect(crashes).toMatchObject([{ ...own, callId: id("4"), function: "crash", error: { code: "ERR_EXT_CRASHED" } }]);
    await module.invoke("echo", "5");
    expect(replacements).toMatchObject([{ ...own, of: "instance" }]);
  });

  it("of a replaced extension name the version before", async () => {
    const host = await hostOf();
    const seen = plain("replacement");
    await host.replace({ ...SOURCE, manifest: { ...(SOURCE.manifest as object), version: "1.1.0" } as never });
    expect(seen).toEqual([{ ...ONE, version: "1.1.0", of: "extension", before: "1.0.0" }]);
  });
});
