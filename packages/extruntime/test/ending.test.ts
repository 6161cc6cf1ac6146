import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { transformSync } from "esbuild";
import { afterAll, expect, it } from "vitest";

/** The recipes of docs/running-a-host.md for the end of a host, run word by word. */

const CORE = new URL("../dist/index.js", import.meta.url).href;
const [, ending] = readFileSync(new URL("../../../docs/running-a-host.md", import.meta.url), "utf8").split(
  "## Ending\n",
);
const block = (language: string) => new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "ms").exec(ending!)![1]!;

const folder = mkdtempSync(join(tmpdir(), "extruntime-ending-"));
afterAll(() => rmSync(folder, { recursive: true }));

function run(name: string, code: string): { child: ChildProcess; ended: Promise<unknown>; lines: string[] } {
  const file = join(folder, `${name}.mjs`);
  writeFileSync(file, code);
  const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "inherit"], timeout: 120_000 });
  const lines: string[] = [];
  let rest = "";
  child.stdout!.setEncoding("utf8").on("data", (text: string) => {
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    for (const line of parts) {
      lines.push(line);
      child.emit("line", line);
    }
  });
  return { child, lines, ended: new Promise((resolve) => child.once("close", (...how) => resolve(how))) };
}

/** A service with one call under way, which ends when the signal has come, or never. */
function service(ends: boolean): string {
  const body = ends
    ? "new Promise((resolve) => process.once('SIGTERM', () => setTimeout(resolve, 50, 'done')))"
    : "new Promise(() => {})";
  return `
import { createServer } from "node:http";
import { ExtensionHost, native, trusted } from ${JSON.stringify(CORE)};
const runtimes = [native({ placement: ${JSON.stringify(ends ? "inline" : "thread")} })];
const host = new ExtensionHost({ runtimes, policy: trusted() });
await host.load({
  manifest: { name: "one", runtime: "native", module: "main.js", exports: ["run"] },
  files: { "main.js": ${JSON.stringify(`export const run = () => ${body};`)} },
});
const server = createServer((request, response) => {
  host.call("one", "run").then((value) => response.end(value), (error) => response.end(error.code));
  console.log("running");
}).listen(0, "127.0.0.1", () => console.log(server.address().port));
${block("js").replace("10_000", ends ? "60_000" : "50")}`;
}

/** What the service answers to a request that it has taken when the signal comes. */
async function answerAfterSignal(name: string, ends: boolean): Promise<string> {
  const { child, ended } = run(name, service(ends));
  const port = await new Promise((resolve) => child.once("line", resolve));
  const answer = fetch(`http://127.0.0.1:${port}`);
  await new Promise((resolve) => child.once("line", resolve));
  child.kill("SIGTERM");
  const text = await (await answer).text();
  expect(await ended).toEqual([0, null]);
  return text;
}

it("SIGTERM lets the calls that were accepted end, and their answers are sent", async () => {
  expect(await answerAfterSignal("ends", true)).toBe("done");
});

it("SIGTERM aborts those that do not end in time", async () => {
  expect(await answerAfterSignal("never", false)).toBe("ERR_EXT_CLOSED");
});

it("await using closes in reverse order, and the process ends", async () => {
  const { code } = transformSync(block("ts"), { loader: "ts", target: "node20" });
  const { ended, lines } = run("using", code.replace('"extruntime"', JSON.stringify(CORE)));
  expect(await ended).toEqual([0, null]);
  expect(lines).toEqual(["Hello, Ada!"]);
});
