import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ConformanceReport } from "@extruntime/conformance";
import { expect, it } from "vitest";
import { engine } from "./run-tests.ts";
import { toyGuests } from "./toy-guests.ts";

const guests = toyGuests();
const cli = fileURLToPath(new URL("../dist/cli.js", import.meta.url));
const path = (file: string) => fileURLToPath(engine(file));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [...args], { env: { ...process.env, ...env } }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : -1, stdout, stderr }),
    );
  });
}

it("node:test runs the kit", async () => {
  const { code, stdout } = await run(
    ["--test", "--test-reporter=tap", fileURLToPath(new URL("./under-node-test.mjs", import.meta.url))],
    { TOY_GUESTS: guests },
  );
  expect(stdout).toMatch(/ok \d+ - loop-catching: its caller gets ERR_EXT_TIMEOUT/);
  expect(stdout).toMatch(/# fail 0/);
  expect(code).toBe(0);
});

it("the command prints the table of promises, and writes the report as JSON", async () => {
  const output = join(guests, "report.json");
  const { code, stdout } = await run([
    cli,
    path("toy-engine.mjs"),
    "--export",
    "toy",
    "--guests",
    guests,
    "--escapes",
    path("toy-escapes.mjs"),
    "--repeats",
    "0.1",
    "--options",
    '{"slices":true}',
    "--output",
    output,
  ]);
  expect(stdout).toMatch(/^toy, placed inline, for toy\n/);
  expect(stdout).toMatch(/hardSandbox +yes +proved \(\d+ tests\)/);
  expect(stdout).toMatch(/hostFunctions +yes +proved \(\d+ tests\)/);
  expect(stdout).toMatch(/parallel +no +not promised/);
  expect(code).toBe(0);
  const report = JSON.parse(readFileSync(output, "utf8")) as ConformanceReport;
  expect(report).toMatchObject({ runtime: "toy", placement: "inline", passed: true });
  expect(report.promises.find(({ promise }) => promise === "deadline")).toMatchObject({
    declared: "hard",
    proved: true,
    failed: 0,
  });
});

it("the command fails for a broken promise, with the very tests that found it and no others", async () => {
  const { code, stdout } = await run([
    cli,
    path("broken.mjs"),
    "--export",
    "broken",
    "--guests",
    guests,
    "--escapes",
    path("toy-escapes.mjs"),
    "--repeats",
    "0.1",
    "--options",
    '{"lie":"an error that loses its stack"}',
    "--json",
  ]);
  const report = JSON.parse(stdout) as ConformanceReport;
  const failed = report.tests.filter(({ failure }) => failure !== undefined).map(({ name }) => name);
  expect(failed).toEqual([
    "what a guest throws is ERR_EXT_GUEST with the guest's own name, message and stack",
    "what an asynchronous guest throws is ERR_EXT_GUEST too",
    "calls of many modules, one after the other and at a time, after errors, timeouts, closes and reloads: each gets its own answer, error and lines",
  ]);
  expect([report.passed, code]).toEqual([false, 1]);
});

it.each([
  [["--guests", guests], /extruntime-conformance <package or file>/],
  [["./no-such-engine.js", "--guests", guests], /there is no module .*build the engine first/],
  [["no-such-package", "--guests", guests], /no installed package "no-such-package"/],
  [[path("toy-engine.mjs"), "--guests", guests], /registers 0 engines/],
  [[path("toy-engine.mjs"), "--guests", guests, "--repeats", "2"], /repeats must be above 0 and at most 1, and is 2/],
  [[path("toy-engine.mjs"), "--guests", guests, "--export", "tyo"], /has no function "tyo"; it exports /],
  [[path("toy-engine.mjs"), "--guests", join(guests, "absent")], /there is no folder/],
])("the command says what is wrong with %j", async (args, message) => {
  const { code, stderr } = await run([cli, ...args]);
  expect(stderr).toMatch(message);
  expect(code).toBe(2);
});
