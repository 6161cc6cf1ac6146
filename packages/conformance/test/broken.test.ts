import { describe, expect, it } from "vitest";
import { patience, RETRIES } from "./patience.ts";
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
  { lie: "an abort that isn't", found: /loop: its caller/, because: /did not answer|still not settled/ },
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
  {
    lie: "a signal that is heard too late",
    found: /a signal fired before the call/,
    because: /the guest ran/,
    slices: true,
  },
  {
    lie: "listeners that stay on the signal",
    found: /a signal fired after the call/,
    because: /listeners are left/,
    slices: true,
  },
  {
    lie: "a limit that is taken and not kept",
    found: /a timeout is refused|a signal is refused/,
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
    because: /calls keep the thread|run together in \d+ of 100 looks|take .* times as long as one/,
    patienceMs: 60_000,
  },
  {
    lie: "parallel calls on one and the same thread",
    found: /two calls at a time run/,
    because: /run together in .* of 100 looks|take .* times as long as one/,
    patienceMs: 60_000,
  },
  { lie: "synchronous calls that are not", found: /invokeSync answers, as invoke does/, because: /not today/ },
  { lie: "host functions that nobody granted", found: /one that was not granted/, because: /does not ask for/ },
  {
    lie: "host functions that are declared and cannot be called",
    found: /one gets the value and who calls/,
    because: /PermissionError/,
  },
  {
    lie: "host functions that are refused to nobody",
    found: /a load that asks for one is refused/,
    because: /load must fail, and gave/,
  },
  { lie: "a caller under another name", found: /one gets the value and who calls/, because: /must be told who calls/ },
  {
    lie: "a host function that is called twice",
    found: /one gets the value and who calls/,
    because: /must be called once/,
  },
  {
    lie: "values for the host in single precision",
    found: /values go there and come back/,
    because: /must be given .* as/,
  },
  { lie: "values for the host in single precision", found: /any JSON value reaches host/, because: /reached the host/ },
  { lie: "answers of the host that are cut", found: /a value of a mebibyte/, because: /came back as/ },
  {
    lie: "answers of the host that are mixed up",
    found: /a thousand calls at a time each/,
    because: /the answer of call/,
  },
  {
    lie: "an answer of the host that comes late and to another",
    found: /never answers: its caller gets ERR_EXT_TIMEOUT/,
    because: /the next answer must be/,
  },
  { lie: "a host's error that loses its name", found: /what one throws reaches/, because: /must catch the name/ },
  { lie: "a host's stack that its guest sees", found: /what one throws reaches/, because: /saw the stack of the host/ },
  {
    lie: "a wait for the host that keeps the thread",
    found: /one that answers later is waited for/,
    because: /did not answer/,
    patienceMs: 1_000,
  },
  {
    lie: "a wait for the host that nothing ends",
    found: /never answers: its caller gets ERR_EXT_TIMEOUT/,
    because: /the next call is still not settled/,
    patienceMs: 1_000,
  },
  {
    lie: "a wait for the host that nothing ends",
    found: /never answers: a signal rejects/,
    because: /the next call is still not settled/,
    slices: true,
    patienceMs: 1_000,
  },
  {
    lie: "a wait for the host that nothing ends",
    found: /never answers: close/,
    because: /close\(\{ abort: true \}\) is still not settled/,
    patienceMs: 1_000,
  },
  {
    lie: "one call of the host at a time",
    found: /one may call into the module that calls it, which/,
    because: /waits for its host function is still not settled/,
    patienceMs: 1_000,
  },
  { lie: "one module's host functions for all", found: /a module has its own/, because: /another module/ },
  {
    lie: "synchronous calls that call no host",
    found: /invokeSync calls one that answers at once/,
    because: /must call the host function/,
  },
  {
    lie: "calls of the host that leave something behind",
    found: /20000 calls of host functions/,
    because: /heap after 20000 calls of host functions has grown/,
  },
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
  { lie: "no language at all", found: /languages names at least one/, because: /it names none/ },
  { lie: "arbitrary code that crashes the engine", found: /any bytes as a module/, because: /load crashed the engine/ },
  { lie: "instances beyond the pool", found: /a thousand calls at a time/, because: /the pool of 4 has 9 instances/ },
];

describe("an engine with one lie is rejected by the test that should reject it", () => {
  const guests = toyGuests();
  it.for(LIES)("$lie", { retry: RETRIES }, async ({ lie, found, because, slices, patienceMs = 4_000 }, { task }) => {
    const options = { lie, slices: slices ?? false };
    const setup = {
      engine: engine("broken.mjs"),
      export: "broken",
      options,
      guests,
      escapes: engine("toy-escapes.mjs"),
      patienceMs: patience(patienceMs, task),
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
    ["call-host", /the guests that its capabilities/],
    ["call-host", /host functions > one gets the value/],
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
