import { expect, it } from "vitest";
import { cli } from "./cli.ts";

it("lists engines with version and place, what is missing with its remedy, CPythons and the system", async () => {
  const { code, stdout } = await cli(["doctor", "--json"]);
  expect(code).toBe(0);
  const { ok, engines, missing, system, pythons } = JSON.parse(stdout);
  expect(ok).toBe(true);
  expect(engines.find(({ name }: { name: string }) => name === "quickjs")).toMatchObject({
    package: "@extruntime/quickjs",
    version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    folder: expect.stringMatching(/quickjs$/),
    hardSandbox: true,
    placements: ["inline", "thread", "process"],
  });
  expect(missing).toContainEqual(expect.objectContaining({ name: "v8", remedy: "Run: npm install @extruntime/v8" }));
  expect(system).toMatchObject({ memoryBytes: expect.any(Number), cores: expect.any(Number) });
  expect(Array.isArray(pythons)).toBe(true);
});

it("says why a CPython does not serve", async () => {
  const { stdout } = await cli(["doctor", "--json"], { env: { PYVM_PYTHON: "/no/such/python" } });
  expect(JSON.parse(stdout).pythons).toEqual([
    { path: "/no/such/python", why: "PYVM_PYTHON", problem: "there is no such file" },
  ]);
});

it("ends with 3 where a required runtime cannot be had, and shows it", async () => {
  const { code, stdout } = await cli(["doctor", "--require", "quickjs", "--require", "v8"]);
  expect(code).toBe(3);
  expect(stdout).toMatch(/✔ quickjs +@extruntime\/quickjs \d/);
  expect(stdout).toContain("→ Run: npm install @extruntime/v8");
  expect(stdout).toMatch(/required, and not there: v8\n$/);
});
