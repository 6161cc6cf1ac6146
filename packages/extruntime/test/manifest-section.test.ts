import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { createRuntime, native, parseManifest } from "../src/index.ts";
import { fakeEngine, fakeExtension } from "./fake-engine.ts";

const SCHEMA = {
  level: { type: "integer", minimum: 1, maximum: 9, description: "How hard it tries." },
  mode: { type: "string", enum: ["safe", "fast"] },
  trace: { type: "boolean" },
  paths: { type: "array", items: { type: "string" } },
  label: { type: "string" },
} as const;

function engineWith(name: string, manifestSection?: object) {
  return {
    ...fakeEngine(),
    name,
    aliases: [`${name}-alias`],
    ...(manifestSection === undefined ? {} : { manifestSection }),
  };
}

function extension(runtime: string, sections: object) {
  const { manifest, files } = fakeExtension();
  return { manifest: { ...manifest, runtime, ...sections } as never, files };
}

const told = (...texts: string[]) =>
  expect.objectContaining({
    code: "ERR_EXT_BAD_MANIFEST",
    message: expect.stringMatching(new RegExp(texts.join(".*"))),
  });

describe("the section of an engine", () => {
  it("is checked by the schema that the engine brings, all faults at once, and handed to it", async () => {
    let settings: unknown;
    const engine = engineWith("tuned", { name: "tuning", schema: SCHEMA });
    const noting = {
      ...engine,
      compile: (loaded: { manifest: { settings: unknown } }) => {
        settings = loaded.manifest.settings;
        return engine.compile(undefined as never, undefined as never);
      },
    };
    const runtime = createRuntime(noting as never);
    const good = { level: 3, mode: "fast", trace: true, paths: ["a"], label: "x" };
    for (const name of ["tuned", "tuned-alias"]) {
      await runtime.load(extension(name, { tuning: good }), { lazy: true });
      expect(settings).toEqual(good);
    }
    await expect(
      runtime.load(
        extension("tuned", { tuning: { levle: 3, mode: "slow", level: 10, trace: 1, paths: [2], label: null } }),
      ),
    ).rejects.toEqual(
      told(
        '"tuning\\.level" must be a whole number from 1 to 9, and is 10',
        '"tuning\\.mode" must be "safe" or "fast", and is "slow"',
        '"tuning\\.trace" must be true or false',
        '"tuning\\.paths\\.0" must be a string',
        '"tuning\\.label" must be a string',
        'unknown key "tuning\\.levle"; did you mean "level"',
      ),
    );
    await expect(runtime.load(extension("tuned", { tuning: [] }))).rejects.toEqual(told('unknown key "tuning"'));
  });

  it("may be there for another engine, and is checked where that is known", async () => {
    createRuntime(engineWith("elsewhere", { name: "elsewhere", schema: SCHEMA }) as never);
    const runtime = createRuntime(engineWith("here") as never);
    await runtime.load(extension("here", { elsewhere: { level: 1 }, quickjs: {} }), { lazy: true });
    await expect(runtime.load(extension("here", { elsewhere: { nonsense: 1 } }))).rejects.toEqual(
      told('unknown key "elsewhere\\.nonsense"'),
    );
    await expect(runtime.load(extension("here", { nowhere: { level: 1 } }))).rejects.toEqual(
      told('unknown key "nowhere"'),
    );
  });

  it("has nothing in it where the engine brings none", async () => {
    const runtime = createRuntime(engineWith("bare") as never);
    await runtime.load(extension("bare", { bare: {} }), { lazy: true });
    await expect(runtime.load(extension("bare", { bare: { any: 1 } }))).rejects.toEqual(
      told('unknown key "bare\\.any"; there is nothing to be set in "bare"'),
    );
  });

  it("is checked though the manifest was read before the engine was there", async () => {
    const text = JSON.stringify(extension("late", { late: { any: 1 } }).manifest);
    expect(parseManifest(text, "x").settings).toEqual({ any: 1 });
    const runtime = createRuntime(engineWith("late") as never);
    await expect(runtime.load({ manifest: text, files: { "code.txt": "" } })).rejects.toEqual(told('"late\\.any"'));
    expect(() => parseManifest(text, "x")).toThrow(/late\.any/);
  });

  it("is empty for native", async () => {
    const manifest = { name: "a", runtime: "native", exports: ["run"], native: { nonsense: 1 } };
    await expect(native().load({ manifest: manifest as never, files: {} })).rejects.toEqual(
      told('unknown key "native\\.nonsense"; there is nothing to be set in "native"'),
    );
    expect(() => parseManifest({ ...manifest, runtime: "quickjs", module: "x.js" }, "x")).toThrow(/native\.nonsense/);
  });

  it("is in extension.schema.json", () => {
    const schema = JSON.parse(readFileSync(new URL("../extension.schema.json", import.meta.url), "utf8"));
    const validate = new Ajv({ strict: true }).compile(schema);
    const good = { name: "a", runtime: "quickjs", module: "a.js", exports: ["f"] };
    expect(validate({ ...good, python: { venv: "x" }, quickjs: {}, v8: {}, wasm: {}, native: {} })).toBe(true);
    for (const name of ["native", "quickjs", "wasm", "v8", "python"])
      expect([name, validate({ ...good, [name]: { nonsense: 1 } })]).toEqual([name, false]);
  });
});
