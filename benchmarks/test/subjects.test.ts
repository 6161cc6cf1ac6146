import { validateTable } from "extruntime-fixtures";
import { expect, test } from "vitest";
import { floors } from "../src/floors/index.ts";
import { openSubject } from "../src/subjects/open.ts";
import { findPythons } from "../src/subjects/pythons.ts";
import type { SubjectSpec } from "../src/subjects/subject.ts";
import { runCalls, runFor } from "../src/trials/at-once.ts";
import { payloadOf } from "../src/trials/payload.ts";
import { engine } from "./result.ts";

/** A line of JSON cannot hold a payload that is not JSON in one line, and hands over what a CPython makes of it. */
const sameEverywhere = validateTable.filter(({ payload }) => !payload.includes("\n"));
const python = findPythons()[0];

test.each(Object.keys(floors).filter((name) => !name.startsWith("python")))(
  "the floor %s gives the answers of the shared table",
  async (name) => {
    const opened = await floors[name]!({ guest: "validate" });
    for (const { payload, expected } of sameEverywhere) {
      const answer = opened.call ? await opened.call("validate", payload) : opened.callSync!("validate", payload);
      expect(JSON.parse(answer), payload).toEqual(expected);
    }
    await opened.close();
  },
);

const without = python === undefined ? ", skipped: there is no CPython with a shared library" : "";
test.skipIf(python === undefined).each(["python-pipe", "python-pipe-batched"])(
  `the floor %s gives the answers of the shared table${without}`,
  async (name) => {
    process.env.PYVM_PYTHON = python!.executable;
    const opened = await floors[name]!({ guest: "validate" });
    const answers = await Promise.all(sameEverywhere.map(({ payload }) => opened.call!("validate", payload)));
    expect(answers.map((answer) => JSON.parse(answer) as unknown)).toEqual(
      sameEverywhere.map(({ expected }) => expected),
    );
    await opened.close();
  },
);

test("a placement that an engine cannot run at is refused with its reason", async () => {
  const module = new URL("../../packages/extruntime/dist/index.js", import.meta.url).href;
  const source = { from: "engine", module, placement: "moon" as never, fixture: "validate-email/native" } as const;
  const spec: SubjectSpec = { ...engine("native"), source };
  await expect(openSubject(spec, { guest: "validate" })).rejects.toThrow(/moon/);
});

test.each([40, 1000, 10_000, 1_000_000])("a payload of %d bytes has so many, and is JSON", (bytes) => {
  const text = payloadOf(bytes);
  expect(Buffer.byteLength(text)).toBe(bytes);
  expect(JSON.parse(text)).toMatchObject({ email: "ada@example.com", age: 36 });
});

test.each(["runFor", "runCalls"] as const)(
  "%s has so many calls under way all the time, and waits for all of them",
  async (how) => {
    let running = 0;
    let started = 0;
    let most = 0;
    let turns = 0;
    const begun = performance.now();
    const start = async () => {
      started++;
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
    };
    const timer = setInterval(() => turns++, 1);
    const { calls } = how === "runFor" ? await runFor(start, 4, 50) : await runCalls(start, 4, 1001);
    clearInterval(timer);
    expect([calls, running]).toEqual([started, 0]);
    expect(most).toBe(4);
    if (how === "runCalls") expect(calls).toBe(1001);
    else expect([performance.now() - begun >= 50, turns > 0]).toEqual([true, true]);
  },
);
