import { expect, test } from "vitest";
// As it is built: a job is another process, which runs what Node can run.
import { runJob } from "../dist/job-process.js";
import type { JobRequest } from "../src/job.ts";
import type { Catalogue } from "../src/subjects/catalogue.ts";
import type { SubjectSpec } from "../src/subjects/subject.ts";
import { TRIALS } from "../src/trials/index.ts";

const limits = { timeoutMs: 60_000 };

async function catalogue(): Promise<Catalogue> {
  const reply = await runJob({ do: "find" }, limits);
  return (reply as { found: Catalogue }).found;
}

async function measure(trial: string, spec: SubjectSpec, size = ""): Promise<unknown> {
  const request: JobRequest = { do: "trial", trial, spec, size, measureMs: 5, warmUpMs: 5 };
  return runJob(request, limits);
}

test("the registry's engines are found with their variants and placements", async () => {
  const { candidates } = await catalogue();
  const ids = candidates.map(({ id }) => id);
  expect(ids).toEqual(expect.arrayContaining(["native", "native@thread", "native@process", "quickjs", "wasm"]));
  expect(new Set(ids).size).toBe(ids.length);
});

test.each(
  TRIALS.filter(({ info }) => !["abort", "neighbour"].includes(info.id)).map(({ info, sizes }) => [info.id, sizes[0]!]),
)("the trial %s gives every metric that it announces", async (id, size) => {
  const { candidates } = await catalogue();
  const native = candidates.find((spec) => spec.id === "native")!;
  const { readings } = (await measure(id, native, size)) as { readings: Record<string, number> };
  const { metrics } = TRIALS.find(({ info }) => info.id === id)!.info;
  // What a thread costs is only told by some systems, and loops inside Python stand beside pyvm.
  const wanted = metrics
    .map((metric) => metric.id)
    .filter((metric) => metric !== "main" && metric !== "loopP99" && !metric.includes(":inside-"));
  expect(Object.keys(readings)).toEqual(expect.arrayContaining(wanted));
  for (const metric of wanted) expect(readings[metric], metric).toBeTypeOf("number");
});

test("a subject that cannot do it is unfit, with the reason", async () => {
  const { candidates } = await catalogue();
  const native = candidates.find((spec) => spec.id === "native")!;
  expect(await measure("abort", native)).toEqual({ unfit: expect.stringContaining("cannot stop a guest") });
});

test("a process that ends or hangs is a failure with a reason", async () => {
  const { candidates } = await catalogue();
  const native = candidates.find((spec) => spec.id === "native")!;
  const request = { do: "trial", trial: "serial", spec: native, size: "", measureMs: 1e6, warmUpMs: 0 } as const;
  expect(await runJob(request, { timeoutMs: 300 })).toEqual({ error: "it did not end within 0.3 s" });
  const killed = await runJob({ ...request, spec: { ...native, flags: ["--no-such-flag"] } }, limits);
  expect(killed).toEqual({ error: expect.stringContaining("bad option: --no-such-flag") });
});
