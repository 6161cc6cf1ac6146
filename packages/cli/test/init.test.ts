import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { nightly } from "extruntime-fixtures";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
// @ts-expect-error: a script of the repository, without types.
import { findToolchain } from "../../../scripts/guests/find-toolchains.mjs";
import { cli, folderWith, remove } from "./cli.ts";

const execute = promisify(execFile);
const modules = fileURLToPath(new URL("../node_modules", import.meta.url));

let folder: string;
beforeAll(() => {
  folder = folderWith({ "taken/extension.json": "{}", "package.json": { private: true } });
  // A project that has installed all of it.
  mkdirSync(join(folder, "node_modules/@extruntime"), { recursive: true });
  for (const name of ["assemblyscript", "extruntime", "@extruntime/guest"])
    symlinkSync(join(modules, name), join(folder, "node_modules", name), "junction");
});
afterAll(() => remove(folder));

const run = (...args: string[]) => cli(args, { cwd: folder });

/** Does what was printed, as its reader would. */
async function follow(command: string): Promise<void> {
  const [program, ...words] = command.split(" ");
  if (command.startsWith("npx extruntime ")) {
    const { code, stdout } = await run(...words.slice(1));
    expect({ command, code, stdout }).toMatchObject({ code: 0 });
  } else if (command.startsWith("npx asc ")) {
    const asc = join(modules, "assemblyscript/bin/asc.js");
    await execute(process.execPath, [asc, ...words.slice(1)], { cwd: folder });
  } else await execute(program!, words, { cwd: folder, env: { ...process.env, ...rust() } });
}

/** Debian's Rust, where the first on the PATH has no WebAssembly. */
function rust(): NodeJS.ProcessEnv {
  const { command, linker } = findToolchain.rust();
  if (command !== "/usr/bin/rustc") return {};
  const replaced = { CARGO_SOURCE_CRATES_IO_REPLACE_WITH: "debian" };
  const home = join(folder, "cargo");
  mkdirSync(home, { recursive: true });
  return {
    ...replaced,
    CARGO: "/usr/bin/cargo",
    RUSTC: command,
    CARGO_HOME: home,
    CARGO_SOURCE_DEBIAN_DIRECTORY: "/usr/share/cargo/registry",
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER: linker,
  };
}

describe.concurrent("extruntime init", () => {
  it.each([
    ["javascript", "quickjs", "index.mjs"],
    ["javascript", "native", "index.mjs"],
    ["python", "pyvm", "main.py"],
    ["assemblyscript", "wasm", "index.ts"],
    ["c", "wasm", "index.c"],
    // These compile for long: Go its library, Rust serde.
    ...(nightly
      ? [
          ["go", "wasm", "main.go"],
          ["rust", "wasm", "src/lib.rs"],
        ]
      : []),
  ])("makes an extension in %s for %s that passes by the printed commands alone", async (language, runtime, source) => {
    const missing = findToolchain[language]?.().missing;
    if (missing !== undefined && !process.env.CI) return;
    const name = `hello-${language}-${runtime}`;
    const made = await run("init", name, "--language", language, "--runtime", runtime, "--json");
    const { files, next, ...about } = JSON.parse(made.stdout);
    expect(about).toEqual({ ok: true, name, language, runtime });
    expect(files).toEqual(
      expect.arrayContaining(["extension.json", source, "cases.json", "README.md"].map((file) => join(name, file))),
    );
    expect(JSON.parse(readFileSync(join(folder, name, "extension.json"), "utf8")).$schema).toBe(
      "../node_modules/extruntime/extension.schema.json",
    );
    expect(next.at(-1)).toContain(`npx extruntime call ${name} greet`);
    for (const command of next.slice(0, -1)) await follow(command);
    const called = await run("call", name, "greet", '{ "name": "Ada" }');
    expect(called.stdout).toBe('{"text":"Hello, Ada!"}\n');
    const tested = await run("test", name);
    expect(tested.stdout).toMatch(/✔ 2 passed\n$/);
  });

  it("says what to do next", async () => {
    const { code, stdout } = await run("init", "a b", "--name", "ab");
    expect(code).toBe(0);
    expect(stdout).toContain("npx extruntime check 'a b'");
  });

  it("gives an extension that lies in no project a package.json with all that it wants", async () => {
    const alone = folderWith({});
    try {
      const { stdout } = await cli(["init", "Hello", "--language", "assemblyscript", "--json"], { cwd: alone });
      expect(JSON.parse(stdout).next.slice(0, 5)).toEqual([
        "cd Hello",
        "npm install",
        "npm run build",
        "npm run check",
        "npm test",
      ]);
      const { name, scripts, devDependencies } = JSON.parse(readFileSync(join(alone, "Hello/package.json"), "utf8"));
      expect(name).toBe("hello");
      expect(scripts).toMatchObject({ build: "asc index.ts --outFile Hello.wasm --optimize" });
      expect(Object.keys(devDependencies)).toEqual([
        "@extruntime/cli",
        "@extruntime/wasm",
        "@extruntime/guest",
        "assemblyscript",
      ]);
      expect(readFileSync(join(alone, "Hello/.gitignore"), "utf8")).toBe("node_modules/\n*.wasm\n");
    } finally {
      remove(alone);
    }
  });

  it("names the packages that are not there yet", async () => {
    const { stdout } = await run("init", "v8-one", "--runtime", "v8", "--json");
    expect(JSON.parse(stdout).next[0]).toMatch(/^npm install --save-dev @extruntime\/v8( |$)/);
  });

  it("changes nothing that is there", async () => {
    const { code, stderr } = await run("init", "taken");
    expect(code).toBe(2);
    expect(stderr).toContain("taken has extension.json already");
    expect(readFileSync(join(folder, "taken", "extension.json"), "utf8")).toBe("{}");
  });

  it.each([
    [["init", "x", "--language", "cobol"], "javascript, python"],
    [["init", "x", "--language", "python", "--runtime", "quickjs"], "is one of pyvm"],
    [["init", "what a name!"], "give another one with --name"],
  ])("ends with 2 for %j", async (args, message) => {
    const { code, stderr } = await run(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});

describe("extruntime init in a terminal", () => {
  /** What it shows, with keys for each question. */
  async function inTerminal(args: string[], keys: readonly [question: string, keys: string][]) {
    const { CI: _, ...env } = process.env;
    const script = fileURLToPath(new URL("terminal.py", import.meta.url));
    const bin = fileURLToPath(new URL("../dist/bin.js", import.meta.url));
    const words = [script, JSON.stringify(keys), process.execPath, bin, ...args];
    const ended = await execute("python3", words, { cwd: folder, env: { ...env, TERM: "xterm" } }).then(
      ({ stdout }) => ({ code: 0, stdout }),
      (error: { code: number; stdout: string }) => error,
    );
    return { code: ended.code, shown: JSON.parse(ended.stdout) as string };
  }

  it("asks for what was not said", async () => {
    const made = join(folder, "asked");
    const { code, shown } = await inTerminal(
      ["init", made],
      [
        ["Language", "\r"],
        ["Runtime", "\r"],
      ],
    );
    expect({ code, shown }).toMatchObject({ code: 0 });
    expect(shown).toContain("AssemblyScript");
    expect(JSON.parse(readFileSync(join(made, "extension.json"), "utf8"))).toMatchObject({ runtime: "quickjs" });
  });

  it("makes nothing where it is given up", async () => {
    const { code } = await inTerminal(["init", join(folder, "given-up")], [["Language", "\u0003"]]);
    expect(code).toBe(2);
    expect(() => readFileSync(join(folder, "given-up/extension.json"))).toThrow();
  });

  it("asks nothing with --yes", async () => {
    const { code } = await inTerminal(["init", join(folder, "yes"), "--yes"], []);
    expect(code).toBe(0);
  });
});
