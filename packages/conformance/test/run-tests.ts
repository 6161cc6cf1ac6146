import { fileURLToPath } from "node:url";
import type { ConformanceSetup } from "@extruntime/conformance";

interface Outcome {
  readonly failure?: { readonly message: string } | undefined;
}

/** The kit's inside, as it is built: the tests below run single tests of it, which its users cannot. */
const { TestProcess } = (await import(dist("test-process/child-process.js"))) as {
  TestProcess: new (
    plan: unknown,
  ) => { run(id: string, options?: object): Promise<Outcome>; close(): Promise<void>; facts(): Promise<unknown> };
};
const { makePlan } = (await import(dist("setup/setup.js"))) as { makePlan(setup: ConformanceSetup): unknown };
const { listTests } = (await import(dist("suite/test-list.js"))) as {
  listTests(facts: unknown): { title: string; tests: { name: string; id: string }[] }[];
};

/** Runs the tests whose ids match, in processes as the kit would, and gives what those that failed said. */
export async function failuresOf(setup: ConformanceSetup, wanted: RegExp): Promise<Map<string, string>> {
  const process = new TestProcess(makePlan(setup));
  try {
    const tests = listTests(await process.facts()).flatMap((group) => group.tests);
    const chosen = tests.filter((test) => wanted.test(test.id));
    if (chosen.length === 0) throw new Error(`no test matches ${wanted}: ${tests.map((test) => test.id).join("; ")}`);
    const failures = new Map<string, string>();
    for (const test of chosen) {
      const { failure } = await process.run(test.id, test);
      if (failure !== undefined) failures.set(test.id, failure.message);
    }
    return failures;
  } finally {
    await process.close();
  }
}

function dist(file: string): string {
  return fileURLToPath(new URL(`../dist/${file}`, import.meta.url));
}

export function engine(file: string): URL {
  return new URL(`./engines/${file}`, import.meta.url);
}
