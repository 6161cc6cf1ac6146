import { DEFAULT_BOUNDS } from "extruntime/engine";
import { expect, test } from "vitest";
import { Guest } from "../src/guest/guest.ts";
import { runLater } from "../src/guest/sync-or-async.ts";
import { loadIsolatedVm } from "../src/isolate/isolated-vm.ts";
import { load } from "./guest.ts";

const KIND = { memoryMb: 16, intl: false, hosted: false, bounds: DEFAULT_BOUNDS, patient: false };

/** Submits what isolated-vm never tells the end of. */
async function forgotten(answered: boolean): Promise<[string, unknown, Guest]> {
  const vm = await loadIsolatedVm();
  const guest = new Guest(vm, KIND);
  await runLater(guest, guest.prepare());
  const end = await new Promise<[string, unknown]>((resolve) => {
    const succeed = (result: unknown) => resolve(["succeeded", result]);
    const fail = (error: unknown) => resolve(["failed", error]);
    guest.submit(new Promise(() => {}), { ticket: 1, settled: false, answered, succeed, fail });
  });
  return [...end, guest];
}

test("an operation whose end isolated-vm does not tell fails, and its isolate serves no more", async () => {
  const [end, error, guest] = await forgotten(false);
  expect([end, error]).toMatchObject(["failed", { code: "ERR_EXT_CRASHED" }]);
  expect(guest.broken).toBe(true);
});

test("a call that has its answer keeps it", async () => {
  const [end, , guest] = await forgotten(true);
  expect([end, guest.broken]).toEqual(["succeeded", true]);
});

test("one that takes long is not taken for one that was forgotten", async () => {
  const vm = await loadIsolatedVm();
  const guest = new Guest(vm, KIND);
  const context = await runLater(guest, guest.prepare());
  const code = "const until = Date.now() + 4000; while (Date.now() < until); (() => {})";
  const found = await guest.run(() => context.eval(code, { filename: "long.js", reference: true }));
  expect([found.typeof, guest.broken]).toEqual(["function", false]);
  guest.close();
});

test("nor is a call that takes long before it waits for the host, and again after", async () => {
  const code =
    "const spin = () => { const until = Date.now() + 2500; while (Date.now() < until); }; async function f() { spin(); await host.call('ask', 1); spin(); return await host.call('ask', 2); }";
  await using module = await load(code, {
    manifest: { permissions: ["ask"] },
    hostFunctions: { ask: (value: number) => value },
  });
  expect(await module.call("f")).toBe(2);
});
