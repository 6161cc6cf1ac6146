import { execFile } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { supervisorProgram } from "../../src/placement/process/supervisor.ts";
import { canSandbox } from "./can-sandbox.ts";
import { users } from "./users.ts";

const HOST = fileURLToPath(new URL("./sandbox-view-child.mjs", import.meta.url));
const PACKAGE = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** Not in `/tmp`, of which a sandbox has its own: a home with things in it that are nobody's business, with Node in it, as version managers have it, and a `package.json` that somebody forgot. */
let home: string;
let node: string;
beforeAll(() => {
  home = realpathSync(mkdtempSync("/var/tmp/extruntime-home-"));
  writeFileSync(join(home, "package.json"), '{ "name": "stray" }');
  writeFileSync(join(home, "secret"), "secret");
  mkdirSync(join(home, "versions/node/bin"), { recursive: true });
  node = join(home, "versions/node/bin/node");
  copyFileSync(process.execPath, node);
  mkdirSync(join(home, "engines"));
  mkdirSync(join(home, "node_modules"));
  symlinkSync(PACKAGE, join(home, "node_modules/extruntime"));
  writeFileSync(join(home, "engines/secret.mjs"), "export {}");
  writeFileSync(join(home, "engines/name.mjs"), 'export const NAME = "loose";');
  writeFileSync(join(home, "engines/loose.mjs"), LOOSE);
  for (const folder of [home, join(home, "engines"), join(home, "versions")]) chmodSync(folder, 0o755);
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** An engine of somebody's own, in no package. */
const LOOSE = `
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { writeFileSync } from "node:fs";
import { createRuntime, ENGINE_VERSION } from "extruntime/engine";
import { NAME } from "./name.mjs";
export const engine = () => ({
  engineVersion: ENGINE_VERSION, name: NAME, aliases: [], pool: { size: 1 },
  capabilities: { languages: ["javascript"], hardSandbox: false, nativeAddon: false, deadline: false, signal: false, crashIsolation: false, memoryLimit: false, parallel: false, sync: true, hostFunctions: false, freshCalls: false },
  origin: { module: import.meta.url, export: "engine", options: {} },
  async compile(extension) {
    writeFileSync("/tmp/guest.mjs", await extension.read("guest.mjs"));
    const functions = await import("/tmp/guest.mjs");
    return { instantiate: () => ({ async invoke(name, payload) { return JSON.stringify((await functions[name](JSON.parse(payload))) ?? null); }, close() {} }), close() {} };
  },
});
export const loose = (options) => createRuntime(engine(), options);
`;

/** Of the system, as far as it is there; and what bubblewrap makes. `/proc` has tests of its own. */
const OF_SYSTEM = [
  ...[
    "/bin",
    "/lib",
    "/lib32",
    "/lib64",
    "/usr/bin",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/local/lib",
  ],
  ...["/usr/share/i18n", "/usr/share/locale", "/usr/share/node_modules", "/usr/share/nodejs", "/usr/share/zoneinfo"],
  ...["/etc/alternatives", "/etc/ld.so.cache", "/etc/localtime"],
];
const MADE = ["fd", "full", "null", "random", "shm", "urandom", "zero"]
  .map((name) => `/dev/${name}`)
  .concat("/proc", "/tmp");
/** Of the package as it would be installed, with what it compiled; and the packages that a worker loads, where pnpm has them. */
const OF_PACKAGE = [
  "README.md",
  "build",
  "dist",
  "extension.schema.json",
  "native",
  "package.json",
  "scripts/build-addon.mjs",
  "src",
];
const DEPENDENCIES = ["fastest-levenshtein", "valibot"].map((name) => join(PACKAGE, "node_modules", name));

function known(): string[] {
  const dependencies = DEPENDENCIES.flatMap((path) => [path, realpathSync(path)]);
  const ofPackage = OF_PACKAGE.map((name) => join(PACKAGE, name));
  return [...OF_SYSTEM.filter((path) => existsSync(path)), ...MADE, ...ofPackage, ...dependencies, node].sort();
}

interface Asked {
  readonly options?: object;
  readonly engine?: string;
  /** Run by a shell, with the host as its arguments. */
  readonly shell?: string;
}

describe.runIf(canSandbox() && supervisorProgram() !== undefined).each(users)(
  "a guest in a sandbox of a host run by $name",
  (user) => {
    async function ask<T>(
      what: string,
      argument: unknown,
      { options = { sandbox: true }, engine, shell = 'exec "$@"' }: Asked = {},
    ) {
      const host = [
        node,
        HOST,
        what,
        JSON.stringify(argument),
        JSON.stringify(options),
        ...(engine === undefined ? [] : [engine]),
      ];
      const ran = await promisify(execFile)("bash", ["-c", shell, "bash", ...host], { cwd: "/", ...user.options });
      return JSON.parse(ran.stderr.trim().split("\n").at(-1)!) as T;
    }

    it("sees what is on the list, and nothing else", async () => {
      const { seen, writable } = await ask<{ seen: string[]; writable: string[] }>("walk", known());
      expect(seen.sort()).toEqual(known());
      expect(writable.sort()).toEqual([
        "/dev/full",
        "/dev/null",
        "/dev/random",
        "/dev/shm",
        "/dev/urandom",
        "/dev/zero",
        "/tmp",
      ]);
    });

    it("whose engine is in no package sees the files that it imports, and nothing beside them", async () => {
      const engine = join(home, "engines/loose.mjs");
      const more = [engine, join(home, "engines/name.mjs"), join(home, "node_modules/extruntime")];
      const all = [...known(), ...more].sort();
      expect((await ask<{ seen: string[] }>("walk", all, { engine })).seen.sort()).toEqual(all);
      for (const file of ["secret", "package.json", "engines/secret.mjs"])
        expect(await ask("read", join(home, file), { engine })).toBe("ENOENT");
    });

    it("sees more where `readable` names it, through a link too", async () => {
      const link = join(home, "engines/link");
      if (!existsSync(link)) symlinkSync(join(home, "secret"), link);
      expect(await ask("read", link, { options: { sandbox: { readable: [link] } } })).toBe("secret");
    });

    it("can write to nothing in /proc", async () => {
      expect(await ask("proc", null)).toEqual([]);
    });

    it("has its own descriptors and none of the host's, whoever left them open", async () => {
      const shell = `exec 20<${home}/secret 9<${home}/secret; exec "$@"`;
      for (const options of [{ sandbox: true }, {}]) {
        const sandboxed = options.sandbox === true;
        const [own, ...others] = await ask<[number, string][][]>("descriptors", sandboxed, { options, shell });
        const kinds = own!.map(
          ([fd, to]) => [fd, to.replace(/[^/]*\/journal/, "…/journal").replace(/:.*/, "")] as const,
        );
        const memory = existsSync("/dev/shm") ? "/dev/shm" : realpathSync(user.options.env?.TMPDIR ?? tmpdir());
        expect(kinds.slice(0, 7)).toEqual([
          [0, "/dev/null"],
          ...[1, 2, 3, 4, 5].map((fd) => [fd, "socket"]),
          [6, `${memory}/…/journal (deleted)`],
        ]);
        // Node's own; and a file of the package while one of its threads is loading it.
        for (const [, kind] of kinds.slice(7))
          if (!kind.startsWith(join(PACKAGE, "dist"))) expect(["anon_inode", "pipe", "/dev/null"]).toContain(kind);
        expect(others.length > 0).toBe(sandboxed);
        for (const [, to] of others.flat()) expect(to).toMatch(/^(\/dev\/null|socket:.*|anon_inode:.*|pipe:.*)$/);
      }
    });

    it("can neither read nor change what the host has written to a file as its standard output", async () => {
      const log = join(home, `log-${user.name}`);
      writeFileSync(log, "what was there\n");
      chmodSync(log, 0o666);
      expect(await ask("streams", "a line of the guest's", { shell: `exec "$@" >>${JSON.stringify(log)}` })).toEqual([
        "ENXIO",
        "ENXIO",
      ]);
      expect(readFileSync(log, "utf8")).toBe("what was there\na line of the guest's\n");
    });

    it("can fill what it can write to up to a bound", async () => {
      const paths = ["/tmp/full", "/dev/shm/full", "/full", "/dev/full-not", "/proc/full", "/usr/full", "/etc/full"];
      const options = { sandbox: { tmpMb: 4 } };
      const [tmp, shared, ...others] = await ask<string[]>("fill", paths, { options });
      // The guest's own module lies in /tmp, too.
      expect([tmp, shared]).toEqual([expect.stringMatching(/^ENOSPC after [34]$/), "ENOSPC after 4"]);
      expect(new Set(others)).toEqual(new Set(["EROFS", "ENOENT"]));
    });

    it("has what it writes there counted as memory", async () => {
      const options = { sandbox: true, memoryMb: 64 };
      const files = ["/tmp/full", "/dev/shm/full"];
      expect(await ask("hoard", [[], 80], { options })).toEqual([[], 80]);
      expect(await ask("hoard", [files, 80], { options })).toMatchObject({ code: "ERR_EXT_MEMORY" });
    });

    it("can make no namespace in which it could do more", async () => {
      expect(await ask("namespaces", null)).toEqual([true, true, true]);
    });

    it("has so many processes and threads, and no more", async () => {
      const told = await ask<number | { message: string }>("tasks", 150, { options: { sandbox: true, tasks: 100 } });
      // The operating system does not count those of root.
      if (user.options.uid === undefined && process.getuid!() === 0)
        expect(told).toMatchObject({ code: "ERR_EXT_CRASHED", message: expect.stringContaining("(processes.tasks)") });
      else expect(told).toBeGreaterThan(40);
    });
  },
);
