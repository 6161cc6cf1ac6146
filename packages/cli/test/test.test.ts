import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cli, folderWith, remove } from "./cli.ts";

const manifest = {
  name: "shop",
  runtime: "quickjs",
  module: "shop.js",
  exports: ["total", "count", "fail"],
  permissions: ["price"],
};
const source = `let calls = 0;
export const count = () => { console.log("count " + calls + " <&>\\u0001"); return ++calls; };
export const fail = () => { throw new TypeError("no such tea"); };
export const total = async ({ items }) => {
  let sum = 0;
  for (const item of items) sum += await host.call("price", { item });
  return { sum };
};
`;

let folder: string;
beforeAll(() => {
  folder = folderWith({
    "good/extension.json": manifest,
    "good/shop.js": source,
    "good/cases.json": {
      cases: [
        {
          name: "adds prices",
          function: "total",
          input: { items: ["tea", "tea", "cake"] },
          output: { sum: 11 },
          hostFunctions: { price: [{ input: { item: "tea" }, output: 3 }, { output: 5 }] },
        },
        {
          function: "total",
          input: { items: ["tea"] },
          error: "sold out",
          hostFunctions: { price: [{ error: "sold out" }] },
        },
        { function: "fail", error: { code: "ERR_EXT_GUEST", name: "TypeError", message: "no such tea" } },
        { function: "count", output: 1 },
      ],
    },
    "bad/extension.json": manifest,
    "bad/shop.js": source,
    "bad/cases.json": {
      cases: [
        { name: "counts <two>", function: "count", output: 2 },
        { function: "fail", output: null },
        { function: "count", output: 2 },
        {
          function: "total",
          input: { items: ["tea"] },
          output: 1,
          hostFunctions: { price: [{ input: 1, output: 1 }] },
        },
      ],
    },
    "faults/extension.json": manifest,
    "faults/shop.js": source,
    "faults/cases.json": `{
  "cases": [
    { "function": "nothing", "output": 1 },
    { "function": "count", "output": 1, "error": "x" },
    { "function": "count", "outptu": 1 },
    { "function": "count", "output": 1, "hostFunctions": { "price": [{ "input": 1 }] } }
  ]
}
`,
    "none/extension.json": manifest,
    "none/shop.js": source,
    "top/extension.json": manifest,
    "top/shop.js": "nothing.at.all();",
    "top/cases.json": { cases: [{ function: "count", output: 1 }] },
  });
});
afterAll(() => remove(folder));

const test = (...args: string[]) => cli(["test", ...args], { cwd: folder });

describe.concurrent("extruntime test", () => {
  it("runs the cases at every placement that is asked for", async () => {
    const args = ["good", "--placement", "inline", "--placement", "thread", "--placement", "process", "--json"];
    const { code, stdout } = await test(...args);
    const { ok, runs } = JSON.parse(stdout);
    expect({ code, ok }).toEqual({ code: 0, ok: true });
    expect(runs.map(({ placement, results }: never) => [placement, (results as []).length])).toEqual([
      ["inline", 4],
      ["thread", 4],
      ["process", 4],
    ]);
  });

  it("shows what was expected, what came, and what the guest printed, and ends with 1", async () => {
    const { code, stdout } = await test("bad", "--junit", "junit.xml");
    expect(code).toBe(1);
    const shown = stdout.replace(/[\d.]+ ms/g, "0 ms");
    expect(shown).toContain(
      "  ✖ counts <two> 0 ms\n      expected 2\n      got      1\n      printed  count 0 <&>\\u0001\n",
    );
    expect(shown).toContain(
      "  ✖ fail 2 0 ms\n      expected null\n      got      an error, ERR_EXT_GUEST: shop.fail: TypeError: no such tea\n",
    );
    expect(shown).toContain("  ✔ count 3 0 ms\n");
    expect(shown).toContain('the case has no answer of price to {"item":"tea"}');
    expect(shown).toMatch(/✖ 1 passed, 3 failed\n$/);
    const xml = readFileSync(join(folder, "junit.xml"), "utf8");
    expect(xml).toContain('<testsuite name="shop (quickjs, inline)" tests="4" failures="3" errors="0"');
    expect(xml).toContain('name="counts &lt;two&gt;"');
    expect(xml).toContain("<system-out>count 0 &lt;&amp;&gt;</system-out>");
  });

  it("tells every fault of the cases with its place", async () => {
    const { code, stdout } = await test("faults", "--json");
    expect(code).toBe(1);
    const told = JSON.parse(stdout).problems.map(({ line, column, message }: never) => `${line}:${column} ${message}`);
    expect(told).toEqual([
      expect.stringMatching(/^3:19 "function" must be one of the extension's exports: total, count, fail/),
      expect.stringMatching(/^4:5 a case has an "output" or an "error", and one of them alone/),
      expect.stringMatching(/^5:5 a case has an "output" or an "error"/),
      expect.stringMatching(/^5:28 unknown key "outptu"/),
      expect.stringMatching(/^6:70 an answer has an "output" or an "error"/),
    ]);
  });

  it("fails where the extension does not load, in the report too", async () => {
    const { code, stdout } = await test("top", "--junit", "top.xml");
    expect(code).toBe(1);
    expect(stdout).toContain("ERR_EXT_GUEST");
    expect(readFileSync(join(folder, "top.xml"), "utf8")).toContain('errors="1"');
  });

  it.each([
    [["none"], "cannot be read"],
    [["good", "--placement", "moon"], "inline, thread, process"],
    [["good", "--junit", "no/such/folder.xml"], "--junit"],
  ])("ends with 2 for %j", async (args, message) => {
    const { code, stderr } = await test(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
