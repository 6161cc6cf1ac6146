import { DEFAULT_BOUNDS } from "extruntime/engine";
import { expect, test, vi } from "vitest";
import type { GuestKind } from "../src/guest/guest-kind.ts";
import { SpareGuests } from "../src/guest/spare-guests.ts";
import { v8 } from "../src/index.ts";
import { type IsolatedVm, loadIsolatedVm } from "../src/isolate/isolated-vm.ts";

const KIND: GuestKind = { memoryMb: 32, intl: false, hosted: false, bounds: DEFAULT_BOUNDS, patient: false };

/** isolated-vm, with its isolates counted. */
async function counting(): Promise<{ vm: IsolatedVm; made: () => number }> {
  const vm = await loadIsolatedVm();
  let made = 0;
  class Isolate extends vm.Isolate {
    constructor(options: ConstructorParameters<IsolatedVm["Isolate"]>[0]) {
      super(options);
      made++;
    }
  }
  return {
    vm: { Isolate: Isolate as unknown as IsolatedVm["Isolate"], Callback: vm.Callback, ExternalCopy: vm.ExternalCopy },
    made: () => made,
  };
}

test("a guest is taken from the spare one where that is of its kind, and the next spare is of the kind that was wanted last", async () => {
  const { vm, made } = await counting();
  const spares = new SpareGuests();
  const taken = [spares.take(vm, KIND)];
  expect(made()).toBe(1);
  await vi.waitFor(() => expect(spares.ready).toBe(true), 60_000);
  taken.push(spares.take(vm, { ...KIND }));
  expect(made()).toBe(2);
  await vi.waitFor(() => expect(spares.ready).toBe(true), 60_000);
  taken.push(spares.take(vm, { ...KIND, memoryMb: 64 }));
  expect(made()).toBe(4);
  await vi.waitFor(() => expect(made()).toBe(5), 60_000);
  await vi.waitFor(() => expect(spares.ready).toBe(true), 60_000);
  taken.push(spares.take(vm, { ...KIND, memoryMb: 64 }));
  expect(made()).toBe(5);
  expect(new Set(taken).size).toBe(4);
  spares.close();
  for (const guest of taken) guest.close();
});

test("modules that were loaded into spare isolates have their own globals, lines and host functions", async () => {
  const runtime = v8();
  const lines: string[] = [];
  const load = (name: string) =>
    runtime.load(
      {
        manifest: { name, runtime: "v8", module: "a.js", exports: ["f"], permissions: ["whose"] },
        files: {
          "a.js":
            "globalThis.count = (globalThis.count ?? 0) + 1; async function f() { console.log(count); return [count, await host.call('whose')] }",
        },
      },
      {
        hostFunctions: { whose: () => name },
        logger: { info: (message, { extension }) => lines.push(`${extension} ${message}`) },
      },
    );
  for (const name of ["a", "b", "c"]) {
    const module = await load(name);
    expect(await module.call("f", null)).toEqual([1, name]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (name !== "c") await module.close();
  }
  expect(lines).toEqual(["a 1", "b 1", "c 1"]);
  await runtime.close();
});
