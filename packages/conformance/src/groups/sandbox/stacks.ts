import assert from "node:assert/strict";
import { homedir } from "node:os";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Module } from "extruntime";
import { ExtensionError } from "extruntime";
import type { Bench } from "../../bench/bench.ts";
import { show } from "../../expect/expect.ts";
import type { Subject } from "../../facts/facts.ts";
import { CORE_FOLDER, KIT_FOLDER } from "../../host/host-folders.ts";
import { javascript } from "../../sources/javascript.ts";
import { HOST_FUNCTION } from "../../sources/kit-guest.ts";
import type { Test } from "../test.ts";

/** What a guest sees of a stack, and what is told of its error, has nothing of the host's: no file, no folder, no function. */
export function stackTests({ language }: Subject): Test[] {
  const tests = [told, ...(language === "javascript" ? [seen] : [])];
  return tests.map((test) => ({ ...test, shares: true }));
}

/** Fails where a text names a file or a frame of the host. */
export function expectNoHostFrame(bench: Bench, text: string, what: string): void {
  const engine = dirname(fileURLToPath(bench.engine));
  const paths = [CORE_FOLDER, KIT_FOLDER, engine, process.execPath, process.cwd(), `${homedir()}/`];
  for (const path of [...paths, "node:internal", "node:vm", "node:events", "/node_modules/", "isolated-vm boundary"])
    assert.ok(
      !text.includes(path),
      `${what} has what is the host's: ${show(text.slice(Math.max(0, text.indexOf(path) - 80)))}`,
    );
}

const told: Test = {
  name: "what is told of a guest's error has no file and no function of the host",
  async run(bench) {
    const runtime = await bench.runtime();
    const texts = async (error: unknown, what: string) => {
      assert.ok(ExtensionError.is(error), `${what} must fail with an ExtensionError, and failed with ${show(error)}`);
      expectNoHostFrame(bench, JSON.stringify([error.message, error.guest ?? null]), `the error of ${what}`);
    };
    for (const [guest, payload] of [
      ["throw", '"x"'],
      ["recurse", "0"],
      ["throw", "[[[]]]"],
    ] as const) {
      const module = await bench.load(guest, undefined, runtime);
      for (let i = 0; i < 2; i++)
        await bench.answered(module.invoke(module.exports[0]!, payload), guest).catch((error) => texts(error, guest));
    }
    if (bench.has("top-level-throw"))
      await bench.load("top-level-throw", undefined, runtime).then(
        () => assert.fail("a top level that throws must fail the load"),
        (error) => texts(error, "a top level"),
      );
    if (bench.has("async")) {
      const module = await bench.load("async", undefined, runtime);
      await bench.answered(module.invoke("reject", "1"), "reject").catch((error) => texts(error, "a rejection"));
    }
  },
};

/** Stacks from wherever guest code runs, and by each way that engines have to look at them. */
const STACKS = `
const stacks = [];
const sites = (error) => { try { const before = Error.prepareStackTrace; Error.prepareStackTrace = (_, all) => all.map((site) => ["getFileName", "getEvalOrigin", "getScriptNameOrSourceURL", "getFunctionName", "getTypeName", "toString"].map((name) => { try { return String(site[name]?.()); } catch (error) { return String(error); } }).join(" ")); const found = new Error("x").stack; Error.prepareStackTrace = before; stacks.push(String(found)); } catch (error) { stacks.push(String(error)); } };
const here = (from) => { try { Error.stackTraceLimit = 200; } catch {} stacks.push(from + " " + String(new Error("here").stack)); try { null.x; } catch (error) { stacks.push(String(error.stack)); } const holder = {}; try { Error.captureStackTrace?.(holder); stacks.push(String(holder.stack)); } catch {} sites(); };
here("top");
export function value() {
  here("value");
  try { console.log({ toString() { here("toString"); return "x"; }, toJSON() { here("logged"); return 1; }, get a() { here("getter of what is logged"); return 1; } }); } catch (error) { stacks.push(String(error.stack)); }
  return { get a() { here("getter of the result"); return 1; }, toJSON() { here("toJSON"); return 1; } };
}
export function thenable() { here("thenable"); return { get then() { here("then getter"); return (resolve) => { here("then"); resolve(1); }; } }; }
export async function later() {
  await null; here("later");
  try { await import("nothing-of-this-name"); } catch (error) { stacks.push(String(error.stack), String(error.message)); }
  try { (function deep() { deep(); })(); } catch (error) { stacks.push(String(error.stack)); }
  for (const bad of ["{", "[1,]", ""]) try { JSON.parse(bad); } catch (error) { stacks.push(String(error.stack)); }
  for (const code of ["(", "null.x", "throw new Error('e')"]) try { (0, eval)(code); } catch (error) { stacks.push(String(error.stack)); }
  try { Function("null.x")(); } catch (error) { stacks.push(String(error.stack)); }
  const host = globalThis.host;
  if (host) for (const name of ["${HOST_FUNCTION}", "kit.none"]) try { await host.call(name, { toJSON() { here("sent"); return 1; } }); } catch (error) { stacks.push(String(error.stack), String(error.message), String(error.cause)); }
  return 1;
}
export function bad() { here("bad"); return { toJSON() { here("bad toJSON"); throw new Error("no form"); } }; }
export function all() { return stacks; }
`;

const seen: Test = {
  name: "no stack that a guest sees has a file or a function of the host",
  async run(bench) {
    const permissions = bench.subject.capabilities.hostFunctions ? [HOST_FUNCTION] : [];
    const guest = javascript(STACKS, ["value", "thenable", "later", "bad", "all"]);
    const { manifest, files } = bench.extension(guest, "stacks");
    const hostFunctions = {
      [HOST_FUNCTION]: () => {
        throw new Error("the host's");
      },
    };
    const module: Module = await bench.loadSource(
      { manifest: { ...manifest, permissions }, files },
      { limits: { maxInstances: 1 }, hostFunctions },
      await bench.runtime(),
    );
    for (const fn of ["value", "thenable", "later", "bad"])
      await bench.answered(module.invoke(fn, "null"), fn).catch(() => {});
    const stacks = await bench.answered(module.call<string[]>("all"), "the stacks");
    assert.ok(stacks.length > 20, `the guest saw ${stacks.length} stacks alone`);
    for (const stack of stacks) expectNoHostFrame(bench, stack, "a stack that the guest sees");
  },
};
