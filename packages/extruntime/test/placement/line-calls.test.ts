import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { afterAll, describe, expect, it } from "vitest";
import { quickjs } from "../../../quickjs/dist/index.js";
import { v8 } from "../../../v8/dist/index.js";
import { wasm } from "../../../wasm/dist/index.js";
import { type CallMessage, type HostFunction, type LogFields, native, type Runtime } from "../../dist/index.js";

const STARTS = "tracing:extruntime:call:start";
const CALLS = 30;

const factories = { native, quickjs, wasm, v8 } as const;
const places = (["inline", "thread", "process"] as const).flatMap((placement) =>
  (Object.keys(factories) as (keyof typeof factories)[])
    .filter((name) => name !== "v8" || placement !== "thread")
    .map((name) => [name, placement] as const),
);

const runtimes: Runtime[] = [];
afterAll(() => Promise.all(runtimes.map((runtime) => runtime.close({ abort: true }))));

describe("lines of calls that overlap name their calls", () => {
  it.each(places)("with %s, placed %s", async (name, placement) => {
    const runtime = factories[name]({ placement });
    runtimes.push(runtime);
    const said = new Map<string, LogFields>();
    const logger = { info: (message: string, fields: LogFields) => said.set(message.replaceAll('"', ""), fields) };
    const guest = new URL(`../../../../fixtures/guests/${name}/print/`, import.meta.url);
    const module = await runtime.load(guest, { logger, limits: { maxInstances: 3 } });
    const calls = new Map<string, number>();
    const note = (message: unknown) => {
      const { payload, callId } = message as CallMessage;
      calls.set(JSON.parse(payload) as string, callId);
    };
    subscribe(STARTS, note);
    const answers = Array.from({ length: CALLS }, (_, i) => module.call("print", `line ${i}`));
    unsubscribe(STARTS, note);
    await Promise.all(answers);
    await expect.poll(() => said.size, { timeout: 30_000 }).toBe(CALLS);
    for (const [line, fields] of said)
      expect([line, fields.function, fields.callId]).toEqual([line, "print", calls.get(line)]);
  });

  it.each([
    [
      "native",
      "export const run = async (value, { host, log }) => { await host.call('wait'); log('info', value); return null; };",
    ],
    ["quickjs", "const run = async (value) => { await host.call('wait'); console.log(value); return null; };"],
    ["v8", "const run = async (value) => { await host.call('wait'); console.log(value); return null; };"],
  ] as const)("with %s, of a guest that has waited for its host", async (name, code) => {
    const runtime = factories[name]();
    runtimes.push(runtime);
    const waiting: (() => void)[] = [];
    const ids = new Map<unknown, number>();
    const lines: [string, number | undefined][] = [];
    const wait: HostFunction = (_, { callId, context }) => {
      ids.set(context, callId);
      return new Promise((resolve) => {
        waiting.push(() => resolve(null));
        // Those who asked last go on first.
        if (waiting.length === 3) for (const answer of waiting.reverse()) answer();
      });
    };
    const manifest = { name: "waits", runtime: name, module: "main.mjs", exports: ["run"], permissions: ["wait"] };
    const module = await runtime.load(
      { manifest, files: { "main.mjs": name === "native" ? code : code.replace("const", "export const") } },
      { hostFunctions: { wait }, logger: { info: (message, { callId }) => lines.push([message, callId]) } },
    );
    await Promise.all(["a", "b", "c"].map((value) => module.call("run", value, { context: value })));
    expect(lines.sort()).toEqual(["a", "b", "c"].map((value) => [value, ids.get(value)]));
  });
});
