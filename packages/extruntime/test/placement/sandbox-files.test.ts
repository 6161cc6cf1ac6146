import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { filesOfModules } from "../../src/placement/process/sandbox-files.ts";

/** A home with the agent in it as a package that is installed, and a `package.json` of nobody's above an engine. */
let home: string;
let agent: string;
beforeAll(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), "extruntime-test-")));
  agent = put("node_modules/core/agent.js", "");
  put("node_modules/core/package.json", '{ "name": "core" }');
  put("secret", "secret");
});
afterAll(() => rmSync(home, { recursive: true }));

function put(path: string, text: string): string {
  const whole = join(home, path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, text);
  return whole;
}

const STRAY = [
  '{ "name": "stray" }',
  '{ "files": ["."] }',
  '{ "files": ["*"] }',
  '{ "files": ["../", "/", "", "dist/../.."] }',
  '{ "files": "build" }',
  '{ "files": [1, null] }',
  '{ "dependencies": [1], "peerDependencies": "x", "optionalDependencies": null }',
  '{ "files": ["index.js"], "dependencies": { "..": "1", "../..": "1", "core/../..": "1", ".": "1", "": "1" } }',
  "null",
  "[]",
  '"text"',
  "no JSON",
];

describe("of an engine in no package of its own, a sandbox shows its file and no folder above it", () => {
  it.each(STRAY)("whatever package.json is there: %s", (manifest) => {
    put("package.json", manifest);
    for (const path of ["engine.mjs", "build/engine.mjs", "dist/deep/engine.mjs", "node_modules/engine.mjs"]) {
      const engine = put(path, 'import "core"; import "@scope"; import "..";');
      const shown = filesOfModules(agent, engine).map((each) => each.path);
      expect(shown.sort()).toEqual([engine, join(home, "node_modules/core")].sort());
    }
  });

  it("nor of one whose package names such dependencies", () => {
    const dependencies = '{ "..": "1", "../..": "1", "core/../../..": "1", "@scope/..": "1" }';
    put("node_modules/engine/package.json", `{ "name": "engine", "dependencies": ${dependencies} }`);
    const engine = put("node_modules/engine/index.js", "");
    const shown = filesOfModules(agent, engine).map((each) => each.path);
    expect(shown.sort()).toEqual([dirname(agent), dirname(engine)].sort());
  });
});
