import { expect, test } from "vitest";
import { parseOptions } from "../src/options.ts";

test("lists are split at commas", () => {
  const options = parseOptions(["--engines", "native,wasm", "--trials=serial", "--placements", "thread"]);
  expect(options).toMatchObject({
    engines: ["native", "wasm"],
    trials: ["serial"],
    placements: ["thread"],
    peers: true,
  });
});

test("a quick run has a limit, and a usual one has none", () => {
  expect(parseOptions(["--quick"]).budgetMs).toBeLessThan(120_000);
  expect(parseOptions([]).budgetMs).toBe(Number.POSITIVE_INFINITY);
});

test("peers can be left out", () => {
  expect(parseOptions(["--no-peers"]).peers).toBe(false);
});

test.each([[["--rounds", "0"]], [["--rounds", "many"]], [["--placements", "moon"]], [["--enginse", "native"]]])(
  "%j is refused",
  (args) => {
    expect(() => parseOptions(args)).toThrow(TypeError);
  },
);
