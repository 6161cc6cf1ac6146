import { describe, expect, it } from "vitest";
import { createRuntime } from "../src/engine.ts";
import { ExtensionHost, type Policy, strangers, trusted } from "../src/index.ts";
import { fakeEngine, fakeExtension } from "./fake-engine.ts";

const hostWith = (policy: unknown) => new ExtensionHost({ runtimes: [], policy: policy as Policy });

/** A word that is mistyped must not be a policy that lets everything in. */
describe("a policy", () => {
  it.each<[unknown, RegExp]>([
    [null, /policy must be an object, and is null/],
    ["strict", /policy must be an object, and is "strict"/],
    [{ requires: {} }, /policy.requires is not known; did you mean require\?/],
    [{ runtimes: "quickjs" }, /policy.runtimes must be an array of strings/],
    [{ runtimes: [1] }, /policy.runtimes must be an array of strings/],
    [{ allow: true }, /policy.allow must be a function, and is true/],
    [{ require: "hardSandbox" }, /policy.require must be an object/],
    [
      { require: { deadline: true } },
      /policy.require.deadline must be one of false, "interpreted", "hard", and is true/,
    ],
    [{ require: { signal: "hrad" } }, /policy.require.signal must be one of .* and is "hrad"/],
    [{ require: { hardSandbox: "yes" } }, /policy.require.hardSandbox must be one of true, false, and is "yes"/],
    [{ require: { hardSandbox: null } }, /policy.require.hardSandbox must be .* and is null/],
    [{ require: { languages: "javascript" } }, /policy.require.languages must be an array of strings/],
    [{ placement: "thread" }, /policy.placement must be an object, and is "thread"/],
    [{ placement: { remedy: "proces" } }, /policy.placement.remedy must be one of inline, thread, process/],
    [{ limits: { timeoutMs: -1 } }, /limits.timeoutMs must be a whole number of milliseconds from 1 .* and is -1/],
    [{ limits: { timeoutMs: "1" } }, /limits.timeoutMs must be a whole number .* and is "1"/],
    [{ limits: { memoryMb: Number.NaN } }, /limits.memoryMb must be a whole number .* and is NaN/],
    [{ limits: { maxQueue: -1 } }, /limits.maxQueue must be a whole number from 0/],
    [{ limits: null }, /limits must be an object, and is null/],
    [{ rules: {} }, /policy.rules must be an array of rules, and is {}/],
    [{ rules: [null] }, /policy.rules\[0\] must be an object, and is null/],
    [{ rules: [{ when: {} }, {}] }, /policy.rules\[1\].when must be an object/],
    [{ rules: [{ when: { deadline: true } }] }, /policy.rules\[0\].when.deadline must be one of false, /],
    [
      { rules: [{ when: { language: ["javascript", 5] } }] },
      /policy.rules\[0\].when.language must be a string, and is 5/,
    ],
    [{ rules: [{ when: { placement: "here" } }] }, /policy.rules\[0\].when.placement must be one of "inline", /],
    [{ rules: [{ when: {}, require: { sync: 1 } }] }, /policy.rules\[0\].require.sync must be one of true, false/],
    [{ rules: [{ when: {}, limits: { maxInstances: 0 } }] }, /limits.maxInstances must be a whole number from 1/],
  ])("%j is refused when it is given", (policy, because) => {
    expect(() => hostWith(policy)).toThrow(TypeError);
    expect(() => hostWith(policy)).toThrow(because);
  });

  it("takes all that it documents", () => {
    hostWith({
      ...{
        runtimes: ["quickjs"],
        allow: () => true,
        require: { deadline: "interpreted", languages: ["python"], sync: undefined },
      },
      ...{
        placement: { atLeast: "thread", remedy: "process" },
        limits: { timeoutMs: 1, maxQueue: 0, fresh: undefined },
      },
      rules: [
        {
          when: {
            hardSandbox: [true, false],
            deadline: ["interpreted", "hard"],
            language: "python",
            runtime: undefined,
          },
        },
      ],
    });
    hostWith(
      strangers({ placement: "process", limits: { timeoutMs: 10 }, runtimes: [], rules: [], allow: () => true }),
    );
    hostWith(trusted());
  });
});

it.each<[unknown, RegExp]>([
  [{ limit: { timeoutMs: 1 } }, /strangers\(\).limit is not known; did you mean limits\?/],
  [{ require: { hardSandbox: false } }, /strangers\(\).require is not known/],
  [{ placement: "inline" }, /strangers\(\).placement must be "thread" or "process", and is "inline"/],
  [{ limits: { memoryMb: 0 } }, /limits.memoryMb must be a whole number of mebibytes from 1/],
])("strangers(%j) is refused", (options, because) => {
  expect(() => strangers(options as never)).toThrow(because);
});

it("limits that are none are refused by a runtime and by a load too", async () => {
  expect(() => createRuntime(fakeEngine(), { limits: { timeoutMs: 0 } })).toThrow(/limits.timeoutMs must be/);
  const runtime = createRuntime(fakeEngine());
  await expect(runtime.load(fakeExtension(), { limits: { maxQueue: 1.5 } })).rejects.toThrow(/limits.maxQueue must be/);
});
