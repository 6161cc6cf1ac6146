import assert from "node:assert/strict";
import type { Logger, Module, Runtime } from "extruntime";
import { ExtensionError } from "extruntime";
import type { Bench } from "../../bench/bench.ts";
import type { Escape } from "../../escapes/escape.ts";
import { show } from "../../expect/expect.ts";
import type { Subject } from "../../facts/facts.ts";
import { CanaryCage } from "../../host/canary.ts";
import type { Group, Test } from "../test.ts";
import { nameTests } from "./names.ts";
import { realmTests } from "./realms.ts";
import { stackTests } from "./stacks.ts";

/** Milliseconds for one attempt, where the engine can stop it. */
const ATTEMPT_MS = 5_000;

/** `hardSandbox`: each attempt to get out leaves a canary untouched. Where it is `false` there is nothing to show. */
export function sandboxGroup(subject: Subject): Group {
  const tests: Test[] = subject.capabilities.hardSandbox ? declared(subject) : [];
  return { name: "escapes from the sandbox", promise: "hardSandbox", tests };
}

function declared(subject: Subject): Test[] {
  const attempts = subject.escapes.map((name, i) => ({
    name: `${name}: gets nowhere`,
    shares: true,
    run: (bench: Bench) => attempt(bench, bench.escapes[i]!),
  }));
  return [
    { name: "there are attempts for the language", run: async () => someEscapes(subject) },
    ...realmTests(subject),
    ...nameTests(subject),
    ...stackTests(subject),
    ...attempts,
  ];
}

function someEscapes({ language, escapes }: Subject): void {
  assert.ok(
    escapes.length > 0,
    `hardSandbox is declared, and there are no attempts to escape for ${language}: name a module that exports them in "escapes"`,
  );
}

async function attempt(bench: Bench, way: Escape): Promise<void> {
  const cage = await CanaryCage.open();
  try {
    const seen: string[] = [];
    const runtime = await bench.runtime();
    const before = await bench.load("echo", undefined, runtime);
    const module = await open(bench, way, cage, runtime, seen);
    if (module !== undefined) {
      // Twice: the first may have prepared something for the second.
      for (let i = 0; i < 2; i++) await call(bench, module, way.payload ?? JSON.stringify(cage.canary), seen);
    }
    await cage.check(seen, ATTEMPT_MS);
    await stillWorks(bench, before, runtime);
  } finally {
    await cage.close();
  }
}

/** `undefined` where its load was refused, which is a fine end for an attempt. */
async function open(
  bench: Bench,
  way: Escape,
  cage: CanaryCage,
  runtime: Runtime,
  seen: string[],
): Promise<Module | undefined> {
  const line = (message: string) => void seen.push(message);
  const logger: Logger = { debug: line, info: line, warn: line, error: line };
  try {
    const { files, manifest } = bench.extension(way.guest(cage.canary), "attempt");
    const extension = { files, manifest: { ...manifest, permissions: [...(way.permissions ?? [])] } };
    const hostFunctions = way.permissions === undefined ? undefined : cage.hostFunctions(seen);
    return await bench.answered(
      bench.loadSource(extension, { logger, hostFunctions, ...limits(bench) }, runtime),
      "load",
    );
  } catch (error) {
    note(error, "load", seen);
    return undefined;
  }
}

async function call(bench: Bench, module: Module, payload: string, seen: string[]): Promise<void> {
  try {
    seen.push(await bench.answered(module.invoke(module.exports[0]!, payload), "the attempt"));
  } catch (error) {
    note(error, "the attempt", seen);
  }
}

function limits(bench: Bench): { limits?: { timeoutMs: number; loadTimeoutMs: number } } {
  return bench.subject.capabilities.deadline === false
    ? {}
    : { limits: { timeoutMs: ATTEMPT_MS, loadTimeoutMs: ATTEMPT_MS } };
}

/** Any error of the contract is a fine end, but for a crash, and none may carry the host's own objects. */
function note(error: unknown, what: string, seen: string[]): void {
  assert.ok(ExtensionError.is(error), `${what} must fail with an ExtensionError, and failed with ${show(error)}`);
  assert.notEqual(error.code, "ERR_EXT_CRASHED", `${what} crashed the engine: ${error.message}`);
  const { guest } = error;
  if (guest !== undefined)
    for (const part of [guest.name, guest.message, guest.stack])
      assert.equal(typeof part, "string", `the error of ${what} must be text, and holds ${show(part)}`);
  seen.push(error.message, guest?.stack ?? "");
}

async function stillWorks(bench: Bench, before: Module, runtime: Runtime): Promise<void> {
  const after = await bench.load("echo", undefined, runtime);
  for (const [module, when] of [
    [before, "before"],
    [after, "after"],
  ] as const) {
    const answer = await bench.answered(module.invoke("echo", '{"a":[1,"é"]}'), "echo");
    assert.deepEqual(JSON.parse(answer), { a: [1, "é"] }, `a module loaded ${when} the attempt answers wrongly`);
  }
}
