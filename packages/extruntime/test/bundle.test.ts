import { type ExtensionFiles, native, type Placement } from "extruntime";
import { afterEach, describe, expect, it, vi } from "vitest";

function extension(files: Record<string, string>, exports = ["run"]): ExtensionFiles {
  return { manifest: { name: "bundled", runtime: "native", module: Object.keys(files)[0]!, exports }, files };
}

const files = {
  "src/main.ts": `import { platform } from "node:os";
import { fail } from "./fail";
import node from "cjs";

export const run = (value: number): unknown => [typeof platform(), node, value];
export { fail };
`,
  "src/fail.ts": '\n\nexport function fail(): never { throw new Error("here"); }',
  "node_modules/cjs/package.json": '{ "browser": "./b.js" }',
  "node_modules/cjs/b.js": 'module.exports = "browser";',
  "node_modules/cjs/index.js": 'module.exports = typeof require("node:path").join;',
};

describe("native", () => {
  it.each<Placement>(["inline", "process"])(
    "runs TypeScript at placement %s, with Node's modules and the author's lines",
    async (placement) => {
      await using runtime = native({ placement });
      const module = await runtime.load(extension(files, ["run", "fail"]));
      expect(await module.call("run", 1)).toEqual(["string", "function", 1]);
      const failed = await module.call("fail").catch((error: unknown) => error);
      expect((failed as { guest: { stack: string } }).guest.stack).toMatch(/at fail \(src\/fail\.ts:3:\d+\)/);
    },
  );
});

describe("without esbuild", () => {
  afterEach(() => vi.doUnmock("esbuild"));

  it("TypeScript is refused with the remedy, and plain JavaScript loads as ever", async () => {
    vi.resetModules();
    vi.doMock("esbuild", () => {
      throw new Error("not installed");
    });
    const { native: withoutEsbuild } = await import("../src/index.ts");
    await expect(withoutEsbuild().load(extension({ "m.ts": "export const run = 1;" }))).rejects.toMatchObject({
      code: "ERR_EXT_UNSUPPORTED",
      message: expect.stringMatching(/npm install esbuild.*bundle the extension into one \.mjs file/),
    });
    const module = await withoutEsbuild().load(extension({ "m.mjs": "export const run = (v) => v;" }));
    expect(await module.call("run", 1)).toBe(1);
  });
});
