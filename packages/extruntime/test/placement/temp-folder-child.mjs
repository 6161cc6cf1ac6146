// A host whose temporary folder is missing, or is emptied while it runs: run by temp-folder.test.ts with TMPDIR set.
import { readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { native } from "../../dist/index.js";

const [, , placement, what] = process.argv;
const source = {
  manifest: { name: "guest", runtime: "native", module: "guest.mjs", exports: ["add", "temporary"] },
  files: {
    "guest.mjs": `
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { one } from "./one.mjs";
export const add = async (value) => { await new Promise((resolve) => setTimeout(resolve, 1)); return value + one; };
export const temporary = () => mkdtempSync(join(tmpdir(), "guest-")).length > 0;
`,
    "one.mjs": "export const one = 1;",
  },
};
const told = await run().catch(({ code, message }) => ({ code, message }));
console.log(JSON.stringify(told));

async function run() {
  const runtime = native({ placement, [`${placement}s`]: { max: 2 } });
  try {
    if (what === "chdir") process.chdir("/");
    const module = await runtime.load(source);
    const first = await module.call("add", 1);
    if (what === "empty") for (const name of readdirSync(tmpdir())) rmSync(`${tmpdir()}/${name}`, { recursive: true });
    if (what === "remove") rmSync(tmpdir(), { recursive: true });
    // More of them than there are instances yet.
    const all = await Promise.all(Array.from({ length: 16 }, (_, i) => module.call("add", i)));
    const again = await runtime.load({ ...source, manifest: { ...source.manifest, name: "again" } });
    return [first, all.every((each, i) => each === i + 1), await again.call("add", 2)];
  } finally {
    await runtime.close();
  }
}
