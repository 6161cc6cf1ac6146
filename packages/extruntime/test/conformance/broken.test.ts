import { describe, expect, it } from "vitest";
import { engine, failuresOf } from "./run-tests.ts";
import { toyGuests } from "./toy-guests.ts";

interface Lie {
  readonly lie: string;
  /** The test of the kit that must find it. */
  readonly found: RegExp;
  /** What it must say. */
  readonly because: RegExp;
  readonly slices?: boolean;
  /** Where the test of the kit takes its time by trying again and again. */
  readonly patienceMs?: number;
}

const LIES: readonly Lie[] = [
  { lie: "an abort that isn't", found: /supportsAbort|loop: its caller/, because: /did not answer|still not settled/ },
  {
    lie: "an abort that isn't",
    found: /loop, 50 times|loop-catching, 50 times/,
    because: /did not answer|still not settled/,
    slices: true,
  },
  {
    lie: "a module that is dead after a timeout",
    found: /loop: its caller gets/,
    because: /ERR_EXT_TIMEOUT, and failed with ERR_EXT_GUEST/,
  },
  {
    lie: "a timeout under another code",
    found: /limits.timeoutMs holds for calls/,
    because: /failed with ERR_EXT_CRASHED/,
  },
  {
    lie: "a signal whose reason is lost",
    found: /a signal fired during the call/,
    because: /must reject with the signal's reason/,
    slices: true,
  },
  { lie: "a signal that is heard too late", found: /a signal fired before the call/, because: /the guest ran/ },
  { lie: "listeners that stay on the signal", found: /a signal fired after the call/, because: /listeners are left/ },
  {
    lie: "a limit that is taken and not kept",
    found: /a timeout and a signal are refused/,
    because: /must fail, and gave/,
  },
  { lie: "state that leaks between modules", found: /no other module sees them/, because: /2 !== 1|equal/ },
  { lie: "state that is lost between calls", found: /globals last from call to call/, because: /deep-equal/ },
  { lie: "a queue without bound", found: /calls past its bound/, because: /was taken|stats must count/, slices: true },
  { lie: "answers that are mixed up", found: /a thousand calls at a time/, because: /deep-equal/ },
  {
    lie: "an error that loses its stack",
    found: /what a guest throws/,
    because: /must have the guest's file and line/,
  },
  { lie: "an error that loses its name", found: /what a guest throws/, because: /name of the guest's error is lost/ },
  { lie: "an error that is the engine's own", found: /what a guest throws/, because: /failed with ERR_EXT_CRASHED/ },
  { lie: "a result that isn't JSON", found: /a guest that returns nothing/, because: /undefined/ },
  { lie: "a result that is cut", found: /a long result comes back whole/, because: /equal/ },
  { lie: "numbers of single precision", found: /values come back as the same/, because: /the echo of .* must be/ },
  { lie: "text that is normalised", found: /values come back as the same/, because: /normalise/ },
  { lie: "payloads that are let through", found: /what is not JSON is refused/, because: /must fail, and gave/ },
  { lie: "a close that hangs", found: /after close every call/, because: /close\(\) is still not settled/ },
  { lie: "a close that closes nothing", found: /after close every call/, because: /invoke after close must fail/ },
  { lie: "functions that nobody exported", found: /does not export/, because: /must fail, and gave/ },
  {
    lie: "an export that is missing and not missed",
    found: /an export that the code does not define/,
    because: /must fail, and gave|failed with/,
  },
  { lie: "output that is swallowed", found: /what a guest prints arrives/, because: /the arrival of 1 lines/ },
  {
    lie: "output that is doubled",
    found: /what a guest prints arrives/,
    because: /more output than the guest printed/,
  },
  { lie: "a memory limit that isn't", found: /the host stays within the limit/, because: /the host grew by/ },
  {
    lie: "a memory limit under another code",
    found: /allocates without end gets ERR_EXT_MEMORY/,
    because: /failed with ERR_EXT_GUEST/,
  },
  { lie: "calls that leave something behind", found: /50000 calls/, because: /heap after 50000 calls has grown/ },
  {
    lie: "loads that leave something behind",
    found: /1000 loads and closes/,
    because: /heap after 1000 loads has grown/,
  },
  {
    lie: "parallel calls that are not",
    found: /two calls at a time run/,
    because: /calls keep the thread|run together in 0 of 100 looks|take .* times as long as one/,
    patienceMs: 60_000,
  },
  {
    lie: "parallel calls on one and the same thread",
    found: /two calls at a time run/,
    because: /run together in .* of 100 looks|take .* times as long as one/,
    patienceMs: 60_000,
  },
  { lie: "synchronous calls that are not", found: /invokeSync answers, as invoke does/, because: /not today/ },
  {
    lie: "a crash that takes the host along",
    found: /a guest that crashes its engine/,
    because: /was ended by SIGABRT/,
  },
  {
    lie: "crash isolation without a process or a guest",
    found: /killed from outside/,
    because: /neither a process to kill nor a guest/,
  },
  {
    lie: "an addon that is not there",
    found: /nativeAddon: an addon was loaded/,
    because: /no process of the engine has loaded one/,
  },
  { lie: "a language that it does not speak", found: /it runs javascript/, because: /no verb/ },
  { lie: "no language at all", found: /acceptsLanguages names at least one/, because: /it names none/ },
  { lie: "arbitrary code that crashes the engine", found: /any bytes as a module/, because: /load crashed the engine/ },
  { lie: "instances beyond the pool", found: /a thousand calls at a time/, because: /the pool of 4 has 9 instances/ },
];

describe("an engine with one lie is rejected by the test that should reject it", () => {
  const guests = toyGuests();
  it.each(LIES)("$lie", async ({ lie, found, because, slices, patienceMs = 4_000 }) => {
    const options = { lie, slices: slices ?? false };
    const setup = {
      engine: engine("broken.mjs"),
      export: "broken",
      options,
      guests,
      escapes: engine("toy-escapes.mjs"),
      patienceMs,
    };
    const failures = await failuresOf(setup, found);
    expect([...failures.values()].join("\n")).toMatch(because);
  });
});

describe("what is declared and cannot be shown is rejected", () => {
  it.each([
    ["echo", /the guests that its capabilities/],
    ["loop-catching", /the guests that its capabilities/],
    ["allocate", /the guests that its capabilities/],
    ["allocate", /allocates without end gets/],
    ["loop", /limits.timeoutMs holds/],
    ["validate", /validate answers all/],
  ])("without the guest %s", async (guest, found) => {
    const setup = {
      engine: engine("toy-engine.mjs"),
      export: "toy",
      guests: toyGuests(guest),
      escapes: engine("toy-escapes.mjs"),
    };
    const failures = await failuresOf(setup, found);
    expect([...failures.values()].join("\n")).toMatch(/missing|no validate extension/);
  });

  it("a sandbox without attempts to escape from it", async () => {
    const setup = { engine: engine("toy-engine.mjs"), export: "toy", guests: toyGuests() };
    const failures = await failuresOf(setup, /there are attempts for the language/);
    expect([...failures.values()].join("\n")).toMatch(/no attempts to escape for toy/);
  });
});
