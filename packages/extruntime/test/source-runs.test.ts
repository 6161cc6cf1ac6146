import { afterEach, describe, expect, it } from "vitest";
import { quickjs } from "../../quickjs/dist/index.js";
import { ExtensionHost, native, type Runtime } from "../dist/index.js";

const COUNTER = "let n = 0; export function run(value) { n++; return [n, value]; } export const other = () => 'other';";

const open: { close(options?: { abort: boolean }): Promise<void> }[] = [];

function hostOf(...runtimes: Runtime[]): ExtensionHost {
  const host = new ExtensionHost({ runtimes });
  open.push(...runtimes, host);
  return host;
}

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close({ abort: true });
});

describe("source that is run on demand", () => {
  it("shares nothing between two runs, however they overlap, unless it is told to", async () => {
    const host = hostOf(quickjs());
    const request = { runtime: "quickjs", source: COUNTER };
    for (let i = 0; i < 3; i++) expect(await host.run(request, i)).toEqual([1, i]);
    const together = await Promise.all(Array.from({ length: 12 }, (_, i) => host.run(request, i)));
    expect(together).toEqual(Array.from({ length: 12 }, (_, i) => [1, i]));
    for (let i = 1; i <= 3; i++) expect(await host.run({ ...request, share: true }, 0)).toEqual([i, 0]);
    expect(host.names).toEqual([]);
  });

  it("shares nothing in a thread either", async () => {
    const host = hostOf(quickjs({ placement: "thread" }));
    const request = { runtime: "quickjs", source: COUNTER };
    const together = await Promise.all(Array.from({ length: 6 }, (_, i) => host.run(request, i)));
    expect(together).toEqual(Array.from({ length: 6 }, (_, i) => [1, i]));
  });

  it("has its function by name, host functions of the run alone, and its context", async () => {
    const host = hostOf(quickjs());
    expect(await host.run({ runtime: "quickjs", source: COUNTER, fn: "other" })).toBe("other");
    const source = "const run = (value) => host.call('get', value);";
    const get = (value: number, { context }: { context: unknown }) => [value, context];
    expect(await host.run({ runtime: "quickjs", source, functions: { get }, context: "ada" }, 1)).toEqual([1, "ada"]);
    expect(await host.run({ runtime: "quickjs", source, functions: { get: () => 2 } }, 1)).toBe(2);
    await expect(host.run({ runtime: "quickjs", source }, 1)).rejects.toMatchObject({ code: "ERR_EXT_GUEST" });
  });

  it("is refused fresh where an engine keeps what guests leave behind", async () => {
    const host = hostOf(native());
    const request = { runtime: "native", source: COUNTER };
    await expect(host.run(request)).rejects.toMatchObject({ code: "ERR_EXT_UNSUPPORTED" });
    expect(await host.run({ ...request, share: true }, 1)).toEqual([1, 1]);
    expect(await host.run({ ...request, share: true }, 1)).toEqual([2, 1]);
  });

  it("is kept for the last hundred contents, and ends with the host", async () => {
    const host = hostOf(native());
    const run = (i: number) =>
      host.run({ runtime: "native", share: true, source: `let n = 0; export const run = () => [${i}, ++n];` });
    for (let i = 0; i < 101; i++) expect(await run(i)).toEqual([i, 1]);
    expect(await run(100)).toEqual([100, 2]);
    expect(await run(0)).toEqual([0, 1]);
    await host.close();
    await expect(run(1)).rejects.toMatchObject({ code: "ERR_EXT_CLOSED" });
  });

  it("fails once its runtime is closed", async () => {
    const runtime = quickjs();
    const host = hostOf(runtime);
    const request = { runtime: "quickjs", source: COUNTER };
    expect(await host.run(request, 1)).toEqual([1, 1]);
    await runtime.close();
    await expect(host.run(request, 1)).rejects.toMatchObject({ code: "ERR_EXT_CLOSED" });
  });

  it("fails as a load and a call do, and a source that does not load is tried again", async () => {
    const host = hostOf(quickjs());
    for (let i = 0; i < 2; i++)
      await expect(host.run({ runtime: "quickjs", source: "(" })).rejects.toMatchObject({ code: "ERR_EXT_GUEST" });
    await expect(host.run({ runtime: "none", source: "" })).rejects.toMatchObject({ code: "ERR_EXT_UNKNOWN_RUNTIME" });
    const endless = { runtime: "quickjs", source: "const run = () => { for (;;); }", timeoutMs: 50 };
    await expect(host.run(endless)).rejects.toMatchObject({ code: "ERR_EXT_TIMEOUT" });
  });
});
