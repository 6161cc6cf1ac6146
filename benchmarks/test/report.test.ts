import { expect, test } from "vitest";
import { format } from "../src/format.ts";
import { topOf } from "../src/profile.ts";
import { renderGuide } from "../src/report/guide.ts";
import { renderMarkdown } from "../src/report/markdown.ts";
import { markdownTable } from "../src/report/table.ts";
import { cell, makeResult } from "./result.ts";

const result = makeResult(
  [
    cell("serial", "native", "", { sync: [1000, 1100, 1050], "syncX:bare-js": [1, 1.1, 1.2] }),
    cell("serial", "bare-js", "", { sync: [1000, 1000, 1000] }),
    cell("concurrent", "native", "1", { rate: [9e5, 9e5, 9e5] }),
    cell("concurrent", "native", "64", { rate: [1e6, 1e6, 1e6] }),
    cell("concurrent", "native", "1000", { rate: [1.1e6, 1.1e6, 1.1e6] }),
  ],
  {
    missing: [{ id: "v8", title: "v8", reason: "the package is\n| not | installed" }],
    failures: [{ trial: "load", subject: "piscina", size: "", reason: "it fell over", rounds: 1 }],
  },
);

test("a table of one size has its metrics side by side, ratios with their quartiles", () => {
  expect(renderMarkdown(result)).toContain("| **native** | 1.05 µs | 1.10 × (1.05–1.15) |");
});

test("a table of sizes has them side by side, in the order of their numbers", () => {
  const text = renderMarkdown(result);
  expect(text).toContain("|  | 1 | 64 | 1,000 |");
  expect(text).toContain("| **native** | 900 k/s | 1.00 M/s | 1.10 M/s |");
});

test("what is promised is judged, and what is missing or failed has its reason", () => {
  const text = renderMarkdown(result);
  expect(text).toMatch(/native: invokeSync ÷ bare .* \| 1\.10 × \(1\.00–1\.20\) \| at most 1\.15 × \| met \|/);
  expect(text).toContain("- **v8**: the package is | not | installed");
  expect(text).toContain("- **load/piscina** failed: it fell over");
});

test("a promise that is not met shows its profile, and what somebody found about it", () => {
  const slow = makeResult([cell("serial", "native", "", { "syncX:bare-js": [2, 2, 2] })], {
    profiles: [{ line: "native-bare", subject: "native", top: [{ where: "validate (validate.mjs:1)", share: 0.515 }] }],
  });
  const text = renderMarkdown(slow, { "native-bare": "Half of it is the guest.\n", "wasm-bare": "Not of this run." });
  expect(text).toContain("**not met**");
  expect(text).toContain("Half of it is the guest.");
  expect(text).not.toContain("Not of this run.");
  expect(text).toContain("| `validate (validate.mjs:1)` | 51.5 % |");
});

test("the guide takes its figures from the run, and says where there is none", () => {
  const text = renderGuide(result);
  expect(text).toContain("a call is 1.10 × the bare loop");
  expect(text).toContain("(not measured)");
});

test("a cell with a bar does not make another column", () => {
  expect(markdownTable(["a"], [["x | y\nz"]])).toBe("| a |\n| --- |\n| x \\| y z |");
});

test("a profile counts the samples of a function, wherever it was called from", () => {
  const frame = (functionName: string) => ({ functionName, url: "file:///x/a.js", lineNumber: 6 });
  const nodes = [
    { id: 1, callFrame: frame("f") },
    { id: 2, callFrame: frame("g") },
    { id: 3, callFrame: frame("f") },
  ];
  expect(topOf({ nodes, samples: [1, 3, 3, 2] })).toEqual([
    { where: "f (a.js:7)", share: 0.75 },
    { where: "g (a.js:7)", share: 0.25 },
  ]);
});

test.each([
  [0, "ns", "0 ns"],
  [999, "ns", "999 ns"],
  [1234, "ns", "1.23 µs"],
  [56_789_000, "ns", "56.8 ms"],
  [-290_000, "ns", "-290 µs"],
  [1536, "bytes", "1.50 KiB"],
  [250_123, "per second", "250 k/s"],
  [0.0123, "×", "0.0123 ×"],
  [1.0049, "×", "1.00 ×"],
  [12_345, "×", "12,345 ×"],
] as const)("%d %s is %s", (value, unit, text) => {
  expect(format(value, unit)).toBe(text);
});
