import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { chaos } from "./chaos.ts";

/** The built engine; its copy lies where it finds what the package imports. */
const DIST = fileURLToPath(new URL("../../packages/v8/dist/", import.meta.url));
const COPY = fileURLToPath(new URL(`../../packages/v8/node_modules/.chaos-${process.pid}/`, import.meta.url));

/** A call that nobody waits for any more keeps its turn for good, and all calls of its instance wait behind it. */
const CHANGES = [["return this.#loaded.guest.killCall(", "return false && this.#loaded.guest.killCall("]] as const;

afterAll(() => rm(COPY, { recursive: true, force: true }));

/** Runs at night: it takes minutes, and leaves a thread that computes for ever. */
it("chaos finds that a module of v8 stops for good, where a call that is given up keeps its turn", async () => {
  await cp(DIST, COPY, { recursive: true });
  let text = await readFile(`${COPY}instance.js`, "utf8");
  for (const [from, to] of CHANGES) {
    expect(text.split(from).length, from).toBe(2);
    text = text.replace(from, to);
  }
  await writeFile(`${COPY}instance.js`, text);
  const { v8 } = await import(/* @vite-ignore */ `${COPY}index.js`);
  for (let seed = 1; seed <= 3; seed++) {
    const { faults } = await chaos(seed, {
      ms: 5000,
      runtimes: () => Promise.resolve([v8({})]),
      quiet: { fairMs: 5000, ms: 30_000 },
    });
    if (faults.length > 0) return;
  }
  expect.fail("three runs did not find it");
}, 1_200_000);
