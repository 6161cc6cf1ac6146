import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { ExtensionHost } from "extruntime";
import { expect, it } from "vitest";
import { nightly } from "../../../fixtures/index.js";
import { quickjs } from "../dist/index.js";

/** At night a hundred thousand calls over a thousand replacements, else a tenth of both. */
const REPLACEMENTS = nightly ? 1000 : 100;
const CALLS_EACH = 100;
/** After so many the memory is looked at first: what is kept once is kept by then. */
const WARM = REPLACEMENTS / 4;
/** Bytes a replacement. A module that stays behind unclosed holds megabytes: the memory of its instance. */
const MOST_KEPT = 20_000;

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

const version = (n: number) => ({
  manifest: { name: "one", version: `1.0.${n}`, runtime: "quickjs", module: "main.js", exports: ["run"] },
  files: { "main.js": `globalThis.run = (value) => [${n}, value];` },
});

async function used(): Promise<number> {
  for (let i = 0; i < 5; i++) {
    gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}

it.each(nightly ? (["inline", "thread"] as const) : (["inline"] as const))(
  `placed %s, of ${REPLACEMENTS * CALLS_EACH} calls over ${REPLACEMENTS} replacements none is lost, none meets a closed module, and memory stays`,
  async (placement) => {
    const runtime = quickjs({ placement });
    const host = new ExtensionHost({ runtimes: [runtime] });
    await host.load(version(0));
    let [answered, before] = [0, 0];
    const wrong: unknown[] = [];
    const call = async (value: number, least: number) => {
      try {
        const [by, echoed] = await host.call<[number, number]>("one", "run", value);
        if (echoed === value && by >= least && by <= least + 1) answered++;
        else wrong.push({ value, least, by, echoed });
      } catch (error) {
        wrong.push(error);
      }
    };
    for (let n = 1; n <= REPLACEMENTS; n++) {
      const calls: Promise<void>[] = [];
      const replacing = host.replace(version(n));
      for (let i = 0; i < CALLS_EACH / 4; i++) calls.push(call(i, n - 1));
      // Some come while it loads, turn by turn, and some when it has.
      for (let i = 0; i < CALLS_EACH / 4; i++) {
        calls.push(call(i, n - 1));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await replacing;
      for (let i = 0; i < CALLS_EACH / 2; i++) calls.push(call(i, n));
      await Promise.all(calls);
      if (n === WARM) before = await used();
    }
    expect(wrong).toEqual([]);
    expect(answered).toBe(REPLACEMENTS * CALLS_EACH);
    const stats = host.stats();
    expect(stats).toMatchObject({ extensions: 1, calls: answered, failures: 0, running: 0, queued: 0 });
    expect((await used()) - before).toBeLessThan((REPLACEMENTS - WARM) * MOST_KEPT);
    await host.close();
    await runtime.close();
    expect(host.stats()).toMatchObject({ instances: 0, extensions: 0 });
  },
);
