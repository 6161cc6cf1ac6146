import { execFile } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { nightly } from "../../../../fixtures/index.js";
import { hostLocale, localePaths } from "../../src/placement/process/locale.ts";
import { supervisorProgram } from "../../src/placement/process/supervisor.ts";
import { canSandbox } from "./can-sandbox.ts";

const HOST = fileURLToPath(new URL("./locale-child.mjs", import.meta.url));
const V8 = new URL("../../../v8/dist/index.js", import.meta.url);

/** What a guest tells in runtimes with these options. */
async function tell(name: string, options: object[], env: Record<string, string>, ...more: string[]) {
  // Of the languages, only what the test sets.
  const { LANG: _, LANGUAGE: __, LC_ALL: ___, TZ: ____, ...rest } = process.env;
  const args = [HOST, name, JSON.stringify(options), ...more];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: { ...rest, ...env } });
  return JSON.parse(stdout) as unknown[];
}

const folder = mkdtempSync(join(tmpdir(), "extruntime-test-"));
afterAll(() => rmSync(folder, { recursive: true }));
const zoneFile = join(folder, "zone");
if (existsSync("/usr/share/zoneinfo/Asia/Tokyo")) copyFileSync("/usr/share/zoneinfo/Asia/Tokyo", zoneFile);

const SETTINGS: [string, Record<string, string>, ...string[]][] = [
  ["nothing", {}],
  ["a zone and a language", { TZ: "America/New_York", LANG: "de_DE.UTF-8" }],
  ["other variables of languages", { TZ: "Asia/Kathmandu", LANG: "en_US.UTF-8", LC_ALL: "tr_TR.UTF-8" }],
  ["a zone that the host sets itself", { TZ: "Asia/Tokyo", LC_TIME: "fr_FR.UTF-8" }, "Europe/Berlin"],
  ["a rule in place of a zone's name", { TZ: "XYZ-3:30" }],
  ...(existsSync(zoneFile) ? [["a zone in a file", { TZ: `:${zoneFile}` }] as [string, Record<string, string>]] : []),
];
/** One from the environment, one that the host sets while it runs. */
const BOTH_WAYS = ["a zone and a language", "a zone that the host sets itself"];
const PROCESSES = { max: 1, spare: 0 };
const INLINE = { placement: "inline" };
const THREAD = { placement: "thread", threads: PROCESSES };
const PROCESS = { placement: "process", processes: PROCESSES };
const SANDBOX =
  canSandbox() && supervisorProgram() !== undefined
    ? [{ placement: "process", processes: { ...PROCESSES, sandbox: true } }]
    : [];

function hasV8(): boolean {
  try {
    createRequire(V8)("isolated-vm");
    return true;
  } catch {
    return false;
  }
}

describe.each([
  ["extruntime", [INLINE, THREAD, PROCESS, ...SANDBOX]],
  ["quickjs", [INLINE, THREAD, PROCESS, ...SANDBOX]],
  ...(hasV8() ? [["v8", [INLINE, PROCESS, ...SANDBOX]] as [string, object[]]] : []),
] as [string, object[]][])("the engine of %s", (name, places) => {
  // What a host is set to is read once for all engines; that each follows it is shown with two settings.
  const settings = nightly || name === "extruntime" ? SETTINGS : SETTINGS.filter(([what]) => BOTH_WAYS.includes(what));
  it.each(settings)("tells the same at every placement, where the host has %s", async (_what, env, ...more) => {
    const told = await tell(name, places, env, ...more);
    expect(told).toEqual(places.map(() => told[0]));
  });
});

it("a process has a zone of its own where `processes.env` says so", async () => {
  const processes = { ...PROCESSES, env: { TZ: "Asia/Tokyo" } };
  const [told] = await tell("extruntime", [{ placement: "process", processes }], { TZ: "Europe/Berlin" });
  expect((told as [[string, number]])[0][1]).toBe(9);
});

it("of the host's environment a process has what zones and languages are told by, and no more", () => {
  const env = {
    TZ: ":/zones/mine",
    LANG: "de_DE",
    LC_TIME: "fr_FR",
    LANGUAGE: "de:en",
    HOME: "/root",
    SECRET: "x",
    LC: "no",
    PATH: "/bin",
  };
  const { HOME: _, SECRET: __, LC: ___, PATH: ____, ...expected } = env;
  expect(hostLocale(env)).toEqual(expected);
  expect(localePaths(hostLocale(env))).toEqual(["/zones/mine"]);
});
