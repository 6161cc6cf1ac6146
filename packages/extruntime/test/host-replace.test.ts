import { expect, it } from "vitest";
import { type ExtensionFiles, ExtensionHost, native } from "../src/index.ts";

function script(body: string): ExtensionFiles {
  return {
    manifest: { name: "one", runtime: "native", module: "main.js", exports: ["run"] },
    files: { "main.js": `export async function run(value) { ${body} }` },
  };
}

it("calls go to the new version once it has loaded, and those that the old one accepted end there", async () => {
  let release = (_: unknown) => {};
  const gate = new Promise((resolve) => {
    release = resolve;
  });
  (globalThis as Record<string, unknown>).replaceGate = gate;
  const host = new ExtensionHost({ runtimes: [native()] });
  const old = await host.load(script("await globalThis.replaceGate; return 'old';"));
  const running = host.call("one", "run");
  const next = await host.replace(script("return 'new';"));
  expect(host.get("one")).toBe(next);
  expect(await host.call("one", "run")).toBe("new");
  expect(old.closed).toBe(true);
  release(undefined);
  expect(await running).toBe("old");
  await host.close();
});

it("a version that does not load changes nothing, and says why", async () => {
  const host = new ExtensionHost({ runtimes: [native()] });
  const old = await host.load(script("return 1;"));
  await expect(host.replace(script("return 1"))).resolves.toBeDefined();
  await expect(host.replace(script("} nonsense {"))).rejects.toMatchObject({ code: "ERR_EXT_GUEST" });
  await expect(host.load(script("return 3;"))).rejects.toMatchObject({ code: "ERR_EXT_DUPLICATE" });
  expect(await host.call("one", "run")).toBe(1);
  expect(old.closed).toBe(true);
  await host.close();
});

it("of versions that come at once the last one stays, and each but the last is closed", async () => {
  const host = new ExtensionHost({ runtimes: [native()] });
  const modules = await Promise.all([0, 1, 2, 3].map((n) => host.replace(script(`return ${n};`))));
  expect(modules.map((module) => module.closed)).toEqual([true, true, true, false]);
  expect(await host.call("one", "run")).toBe(3);
  await host.close();
});

it("no call is lost over many replacements, and none meets a closed module", async () => {
  const host = new ExtensionHost({ runtimes: [native()] });
  const version = (n: number) => script(`await null; return [${n}, value];`);
  await host.load(version(0));
  let made = 0;
  let answered = 0;
  const wrong: unknown[] = [];
  const call = (n: number) => {
    made++;
    return host.call<[number, number]>("one", "run", n).then(
      ([, echoed]) => (echoed === n ? answered++ : wrong.push(echoed)),
      (error) => wrong.push(error),
    );
  };
  const calls: Promise<unknown>[] = [];
  for (let n = 1; n <= 100; n++) {
    const replacing = host.replace(version(n));
    for (let i = 0; i < 50; i++) calls.push(call(n * 100 + i));
    await Promise.race([replacing, Promise.resolve()]);
    for (let i = 50; i < 100; i++) calls.push(call(n * 100 + i));
    await replacing;
  }
  await Promise.all(calls);
  expect(wrong).toEqual([]);
  expect(answered).toBe(made);
  await host.close();
});

it("closing waits for the versions that were replaced, or aborts their calls too", async () => {
  const host = new ExtensionHost({ runtimes: [native()] });
  await host.load(script("return new Promise(() => {});"));
  const running = host.call("one", "run").catch((error) => error);
  await host.replace(script("return 2;"));
  await host.close({ abort: true });
  expect(await running).toMatchObject({ code: "ERR_EXT_CLOSED" });
});

it("a close with a time waits for accepted calls that long, and aborts what is left", async () => {
  const host = new ExtensionHost({ runtimes: [native()] });
  await host.load(script("return value === 'never' ? new Promise(() => {}) : value;"));
  const [answered, never] = [host.call("one", "run", "now"), host.call("one", "run", "never").catch((error) => error)];
  await host.close({ timeoutMs: 20 });
  expect(await answered).toBe("now");
  expect(await never).toMatchObject({ code: "ERR_EXT_CLOSED" });
  await expect(host.load(script("return 1;"))).rejects.toMatchObject({ code: "ERR_EXT_CLOSED" });
});
