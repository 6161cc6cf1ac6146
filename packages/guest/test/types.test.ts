import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pyvm } from "@extruntime/pyvm";
import { quickjs } from "@extruntime/quickjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sdkFolder } from "../src/index.ts";

const HERE = fileURLToPath(new URL("..", import.meta.url));
const tsc = fileURLToPath(new URL("../../../node_modules/typescript/bin/tsc", import.meta.url));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "extruntime-guest-types-"));
  mkdirSync(join(folder, "node_modules/@extruntime"), { recursive: true });
  symlinkSync(HERE, join(folder, "node_modules/@extruntime/guest"), "junction");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the compiler says of a guest's source, as its author's editor would. */
function diagnostics(source: string): string {
  writeFileSync(join(folder, "guest.ts"), source);
  const options = ["--noEmit", "--strict", "--target", "es2023", "--lib", "es2023", "--module", "esnext"];
  try {
    execFileSync(
      process.execPath,
      [tsc, ...options, "--moduleResolution", "bundler", "--types", "@extruntime/guest/globals", "guest.ts"],
      { cwd: folder, encoding: "utf8", stdio: "pipe" },
    );
    return "";
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

describe("types for guests in TypeScript", () => {
  it("know the globals, native's context, and functions of the host that are declared", () => {
    expect(
      diagnostics(`import type { GuestFunction } from "@extruntime/guest";
declare module "@extruntime/guest" {
  interface HostFunctionTypes { price: { input: { item: string }; output: number } }
}
export const total = async (items: string[]): Promise<number> => {
  console.log("of", items);
  let sum = 0;
  for (const item of items) sum += await host.call("price", { item });
  return sum + ((await host.call<number>("tax", sum)) ?? 0);
};
export const greet: GuestFunction<{ name: string }, string> = ({ name }, { log, extension }) => {
  log("info", extension);
  return name.toUpperCase();
};
`),
    ).toBe("");
  });

  it("refuse a wrong argument of such a function, and what guests do not have", () => {
    const told = diagnostics(`import "@extruntime/guest";
declare module "@extruntime/guest" {
  interface HostFunctionTypes { price: { input: { item: string }; output: number } }
}
export const total = () => host.call("price", { itme: "tea" });
export const read = () => process.env.HOME;
`);
    expect(told).toContain("itme");
    expect(told).toContain("'process'");
  });
});

describe("the globals that are declared", () => {
  it("are those of a guest in quickjs", async () => {
    const declared = readFileSync(join(HERE, "globals.d.ts"), "utf8");
    const methods = [...declared.matchAll(/^ {2}(\w+)\(\.\.\.values/gm)].map(([, name]) => name);
    const module = await quickjs().load(
      {
        manifest: { name: "a", runtime: "quickjs", module: "a.js", exports: ["names"], permissions: ["f"] },
        files: {
          "a.js": "globalThis.names = (all) => all.filter((name) => typeof console[name] === 'function' && host.call)",
        },
      },
      { hostFunctions: { f: () => null } },
    );
    expect(methods).toContain("log");
    expect(await module.call("names", methods)).toEqual(methods);
    await module.close();
  });
});

describe("the stubs for Python", () => {
  it("declare what the module extruntime has, with its parameters", async () => {
    const stub = readFileSync(join(sdkFolder("python"), "__init__.pyi"), "utf8");
    const module = await pyvm().load({
      manifest: { name: "a", runtime: "pyvm", module: "a.py", exports: ["compare"], python: { interpreter: "shared" } },
      files: {
        "a.py": `import ast, extruntime, inspect
def compare(stub):
    tree = ast.parse(stub)
    defined = [node.name for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))]
    names = sorted(defined + [node.target.id for node in tree.body if isinstance(node, ast.AnnAssign)])
    call = next(node for node in tree.body if getattr(node, "name", None) == "call")
    error = next(node for node in tree.body if getattr(node, "name", None) == "HostError")
    members = [node.target.id for node in error.body if isinstance(node, ast.AnnAssign)]
    return {
        "names": names == sorted(extruntime.__all__),
        "parameters": [each.arg for each in call.args.args] == list(inspect.signature(extruntime.call).parameters),
        "members": all(hasattr(extruntime.HostError, each) for each in members),
    }
`,
      },
    });
    expect(await module.call("compare", stub)).toEqual({ names: true, parameters: true, members: true });
    await module.close();
  });
});
