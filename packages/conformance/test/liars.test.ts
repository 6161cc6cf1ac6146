import { describe, expect, it } from "vitest";
import { patience, RETRIES, type Tried } from "./patience.ts";
import { engine, failuresOf } from "./run-tests.ts";
import { toyGuests } from "./toy-guests.ts";

interface Liar {
  readonly lie: string;
  /** The test of the kit that must reject it, and that passes without the lie. */
  readonly found: RegExp;
  readonly because: RegExp;
  /** Where the lie is told at that placement alone. */
  readonly placement?: string;
}

/** Processes at a time. */
const AT_ONCE = 3;

const turns: Promise<unknown>[] = Array.from({ length: AT_ONCE }, () => Promise.resolve());
let next = 0;

/** After one that came {@link AT_ONCE} before. */
function inTurn<Value>(action: () => Promise<Value>): Promise<Value> {
  const at = next++ % AT_ONCE;
  const result = turns[at]!.then(action);
  turns[at] = result.catch(() => {});
  return result;
}

const toys = toyGuests();
const SETUPS = {
  "sandbox-liars.mjs": {
    export: "sandboxLiar",
    guests: new URL("../../../fixtures/guests/quickjs/", import.meta.url),
    patienceMs: 10_000,
  },
  "flag-liars.mjs": { export: "flagLiar", guests: toys, patienceMs: 6_000 },
  "host-liars.mjs": { export: "hostLiar", guests: toys, patienceMs: 6_000 },
  // What takes long there is the work, and not the wait for what never comes.
  "memory-liars.mjs": { export: "memoryLiar", guests: toys, patienceMs: 60_000 },
  "fresh-liars.mjs": { export: "freshLiar", guests: toys, patienceMs: 6_000 },
  "count-liars.mjs": { export: "countLiar", guests: toys, patienceMs: 6_000 },
  "time-liars.mjs": { export: "timeLiar", guests: toys, patienceMs: 6_000 },
};
type Liars = keyof typeof SETUPS;

/** What the kit says of an engine of `file` with this lie, by the tests that match. */
async function failures(
  file: Liars,
  { lie, found, placement = "inline" }: Omit<Liar, "because">,
  task: Tried,
): Promise<string> {
  const { export: name, guests, patienceMs } = SETUPS[file];
  const setup = {
    engine: engine(file),
    export: name,
    options: { lie, placement },
    guests,
    patienceMs: patience(patienceMs, task),
    escapes: engine("toy-escapes.mjs"),
  };
  return [...(await failuresOf(setup, found)).values()].join("\n");
}

const COMPUTES_ON = /the engine computes on/;
const HOLDS = /a module tells what holds for it/;
const SHARED = /two modules share no global/;
const NAMES = /finds no name that its language does not have/;

const TOLD = /what is told of a guest's error has no file and no function of the host/;

const SANDBOX: readonly Liar[] = [
  { lie: "one realm for all modules", found: SHARED, because: /shares \d+ objects/ },
  { lie: "one realm for all modules", found: /two runtimes share no global/, because: /shares \d+ objects/ },
  { lie: "one realm for all modules", found: /a module that replaces every built-in/, because: /./ },
  { lie: "one realm for all modules of a runtime", found: SHARED, because: /shares \d+ objects/ },
  {
    lie: "one realm for all instances of a module",
    found: /two instances of one module/,
    because: /shares \d+ objects/,
  },
  { lie: "a store of eight realms", found: SHARED, because: /module \d+ loaded after shares/ },
  { lie: "one Math for all modules", found: SHARED, because: /shares \d+ objects/ },
  { lie: "one JSON for all modules", found: SHARED, because: /shares \d+ objects/ },
  { lie: "one Promise for all modules", found: SHARED, because: /shares \d+ objects/ },
  { lie: "prototypes of another realm", found: SHARED, because: /shares \d+ objects/ },
  { lie: "a global that reads files", found: NAMES, because: /does not have: read/ },
  { lie: "a global that reads files, not enumerable", found: NAMES, because: /does not have: _r/ },
  { lie: "a global that reads files, under a symbol", found: NAMES, because: /does not have: @@internal/ },
  { lie: "a global that reads files, by a getter", found: NAMES, because: /does not have: files/ },
  { lie: "a global that reads files, inherited", found: NAMES, because: /slurp/ },
  { lie: "a member of Math that reads files", found: NAMES, because: /does not have: Math.load/ },
  { lie: "a member of Function.prototype that reads files", found: NAMES, because: /Function.prototype.file/ },
  { lie: "a member of a function that reads files", found: NAMES, because: /parseInt.from/ },
  { lie: "a global with the host's environment", found: NAMES, because: /does not have: env/ },
  {
    lie: "an unescape that reads files",
    found: /calls everything that it finds/,
    because: /got hold of the host's secret/,
  },
  { lie: "frames of the host in stacks", found: TOLD, because: /has what is the host's/ },
  { lie: "frames of the host in stacks, without host functions", found: TOLD, because: /has what is the host's/ },
];

const TIME: readonly Liar[] = [
  { lie: "a guest that computes on", found: /> loop: its caller gets ERR_EXT_TIMEOUT/, because: COMPUTES_ON },
  { lie: "a guest that computes on", found: /a guest that close.* ended computes no more/, because: COMPUTES_ON },
  {
    lie: "a guest that computes on in a thread",
    found: /> loop: its caller gets ERR_EXT_TIMEOUT/,
    because: COMPUTES_ON,
  },
  {
    lie: "a guest that computes on in a process",
    found: /> loop: its caller gets ERR_EXT_TIMEOUT/,
    because: COMPUTES_ON,
  },
  {
    lie: "a signal that ends the wait and not the guest",
    found: /a signal alone ends each kind/,
    because: COMPUTES_ON,
  },
  {
    lie: "a signal that stops nothing",
    found: /a signal alone ends each kind/,
    because: /still not settled|did not answer/,
  },
  {
    lie: "a signal that is not heard in the queue",
    found: /a signal ends a call while it waits/,
    because: /still not settled/,
  },
  {
    lie: "a deadline that is not heard in the queue",
    found: /a timeout ends a call while it waits/,
    because: /still not settled/,
  },
  { lie: "a deadline that begins again with the guest", found: /begins when it is made/, because: /ms late/ },
  {
    lie: "a module's limit of time that begins with the guest",
    found: /begins when it is made/,
    because: /by its module's limit .* ms late/,
  },
  {
    lie: "a timeout that fails the calls of neighbours",
    found: /times out costs other modules/,
    because: /it was stopped|ERR_EXT_TIMEOUT|time/,
  },
  {
    lie: "a timeout that costs neighbours their state",
    found: /times out costs other modules/,
    because: /lost its state/,
  },
  {
    lie: "a timeout that fails all calls of its module",
    found: /same module that wait beside it time out/,
    because: /it was stopped|ERR_EXT_TIMEOUT|time/,
  },
  {
    lie: "a queue in which calls with a limit go first",
    found: /in that order however they were made/,
    because: /were served as/,
  },
  { lie: "a signal that fails the calls of neighbours", found: /signal ends costs other/, because: /user went away/ },
  { lie: "a signal that costs neighbours their state", found: /signal ends costs other/, because: /lost its state/ },
  {
    lie: "a timer that is left for each call with a limit",
    found: /leaves no timer behind/,
    because: /20 calls with a limit/,
  },
  { lie: "a deadline that is up early", found: /a timeout is never up too early/, because: /was up after/ },
];

const MEMORY: readonly Liar[] = [
  {
    lie: "out of memory at the top level that is the guest's error",
    found: /top level that allocates/,
    because: /ERR_EXT_GUEST/,
  },
  {
    lie: "a limit that is not kept in a child process",
    found: /the host stays within the limit/,
    because: /the processes of the engine have in memory grew by/,
  },
  {
    lie: "out of memory that fails the calls of neighbours",
    found: /costs other modules no call and no state/,
    because: /out of memory/,
  },
  {
    lie: "out of memory that costs all instances their state",
    found: /costs other modules no call and no state/,
    because: /lost its state/,
  },
  {
    lie: "a leak of 8 KB a call",
    placement: "process",
    found: /50000 calls, good and failing/,
    because: /the engine's processes after 50000 calls has grown/,
  },
  {
    lie: "a leak of 8 KB for each call of a host function",
    placement: "process",
    found: /5000 calls of host functions/,
    because: /engine's processes (?:after|grows with most parts of) 5000 such calls/,
  },
];

const NOTHING_OF = /a call finds nothing of the one before it/;
const TRACES = /must find no traces/;

const FRESH: readonly Liar[] = [
  { lie: "keeps globals", found: NOTHING_OF, because: TRACES },
  { lie: "resets all but prototypes", found: NOTHING_OF, because: /prototypes/ },
  { lie: "resets all but tables", found: NOTHING_OF, because: /tables/ },
  { lie: "resets all but files", found: NOTHING_OF, because: /files/ },
  { lie: "loses what the top level made", found: NOTHING_OF, because: TRACES },
  { lie: "resets after errors only", found: NOTHING_OF, because: TRACES },
  { lie: "resets after answers only", found: /nor of one that failed/, because: TRACES },
  { lie: "resets but after a deadline", found: /nor of one that was stopped at its deadline/, because: TRACES },
  { lie: "resets but when memory ran out", found: /nor of one that ran out of memory/, because: TRACES },
  { lie: "a hundredth call that is not fresh", found: NOTHING_OF, because: TRACES },
  { lie: "every second call alone", found: NOTHING_OF, because: TRACES },
  { lie: "resets before asynchronous calls only", found: /the same holds for invokeSync/, because: /traces/ },
  { lie: "one state of instances that overlap", found: /calls that overlap find nothing/, because: /./ },
  { lie: "leaks what calls kept", found: /what calls keep goes with them/, because: /have left \d+ MiB/ },
  { lie: "counts what calls kept", found: /what calls keep goes with them/, because: /out of memory/ },
  { lie: "fresh for the manifest alone", found: /ask for it alike/, because: /must begin in each call/ },
  { lie: "fresh whether asked or not", found: /ask for it alike/, because: /globals last/ },
  { lie: "fresh in its own process alone", placement: "thread", found: NOTHING_OF, because: TRACES },
  { lie: "fresh in its own process alone", placement: "process", found: NOTHING_OF, because: TRACES },
];

const DURATIONS = /how long calls took/;
const BYTES = /count the bytes/;
const CUT = /an error is cut at/;
const PAST_BOUND = /calls past its bound/;

const COUNTS: readonly Liar[] = [
  { lie: "durations that are not taken", found: DURATIONS, because: /durations are counted/ },
  { lie: "durations in seconds", found: DURATIONS, because: /stats say 0\./ },
  { lie: "durations of one call in two", found: DURATIONS, because: /durations are counted/ },
  { lie: "bytes that are not counted", found: BYTES, because: /bytes after a result of 1/ },
  { lie: "bytes of payloads in the place of those of results", found: BYTES, because: /bytes after a result of 1/ },
  { lie: "refused calls that are not counted", found: PAST_BOUND, because: /the calls that were refused/ },
  { lie: "busy instances that are not counted", found: PAST_BOUND, because: /the instances that hold a call/ },
  { lie: "refused calls that are counted twice", found: PAST_BOUND, because: /the calls that were refused/ },
  {
    lie: "crashes that are not counted",
    placement: "process",
    found: /crashes its engine costs one/,
    because: /crashes that stats count/,
  },
  {
    lie: "lines that come once where they are the same",
    found: /lines arrive in order/,
    because: /arrival of 50 lines/,
  },
  { lie: "limits of payloads that are not kept", found: /past limits.payloadBytes/, because: /payloadBytes must fail/ },
  { lie: "limits of results that are not kept", found: /past limits.resultBytes/, because: /resultBytes must fail/ },
  { lie: "limits of values that are not kept", found: /more to parse than/, because: /jsonValues must fail/ },
  { lie: "limits of errors that are not kept", found: CUT, because: /limits.errorChars is/ },
  { lie: "limits of lines that are not kept", found: CUT, because: /limits.lineChars is/ },
  { lie: "limits of host calls that are not kept", found: /past limits.hostCallBytes/, because: /must get an error/ },
  {
    lie: "another number of the call for each call of the host",
    found: /calls it a hundred times/,
    because: /by the number of the call/,
  },
];

const NAMED = /the one that is named is called/;
const FOR_ITS_CALL = /one is told for which call/;
const THEIR_NAMES = /call in their own names/;
const OF_ONE_CALL = /functions of a call narrow/;
const IN_FULL = /an error keeps its code/;
const THROWN_IN_FULL = /reaches the guest with its code/;
const ELSEWHERE = /capabilitiesAt says/;
const CRASH_BESIDE = /crashes its engine costs other modules/;
const VALUES = /call takes and gives values/;
const AT_A_TIME = /two calls at a time run/;

const HOST: readonly Liar[] = [
  { lie: "names of host functions swapped", found: NAMED, because: /must be \["kit.call",0\]/ },
  { lie: "the first host function for all", found: NAMED, because: /must be \["kit.call",0\]/ },
  { lie: "the last host function for all", found: NAMED, because: /must be \["kit.call",0\]/ },
  { lie: "another's name in the context, now and then", found: THEIR_NAMES, because: /in another name/ },
  { lie: "answers of two modules swapped", found: THEIR_NAMES, because: /the answer of call \d+ must be/ },
  { lie: "calls of the host in the name of another call", found: FOR_ITS_CALL, because: /its (?:context|function) is/ },
  { lie: "a host function that loses its caller's store", found: FOR_ITS_CALL, because: /its store is/ },
  { lie: "a signal that never fires", found: /told by its signal/, because: /has not fired/ },
  { lie: "a signal that fires as soon as it is asked for", found: FOR_ITS_CALL, because: /its signal is true/ },
  { lie: "one number for all calls", found: FOR_ITS_CALL, because: /two calls have the same number/ },
  { lie: "calls without a deadline", found: FOR_ITS_CALL, because: /its deadline is Infinity/ },
  {
    lie: "calls of the host in the name of another call",
    found: OF_ONE_CALL,
    because: /PermissionError|must be|called/,
  },
  { lie: "functions of a call that are not looked at", found: OF_ONE_CALL, because: /the answer of call 1 must be/ },
  {
    lie: "functions of a call beside those of its module",
    found: OF_ONE_CALL,
    because: /the guest caught/,
  },
  {
    lie: "functions of a call that the next one has too",
    found: OF_ONE_CALL,
    because: /the answer of call \d+ must be/,
  },
  { lie: "functions of a call for other modules too", found: OF_ONE_CALL, because: /the answer of call \d+ must be/ },
  {
    lie: "functions that no manifest asks for",
    found: /give its guest nothing/,
    because: /the guest caught/,
  },
  { lie: "an instance for one run after the other", found: /two runs share no state/, because: /has left/ },
  { lie: "runs that answer from the last one", found: /a run has the host functions/, because: /functions of another/ },
  { lie: "lines in the name of the call before", found: /a line that names a call/, because: /names another call/ },
  { lie: "a guest's error without its code", found: IN_FULL, because: /code of the guest's error is lost/ },
  { lie: "a guest's error with the data before", found: IN_FULL, because: /data of the guest's error must be/ },
  { lie: "a guest's error whose cause has none", found: IN_FULL, because: /the cause of the cause is lost/ },
  { lie: "a guest's error with one of its parts", found: IN_FULL, because: /the parts of the guest's error are lost/ },
  { lie: "a guest's error whose cause has the host's stack", found: IN_FULL, because: /has a file of the host/ },
  { lie: "a host's error without its code", found: THROWN_IN_FULL, because: /the guest must catch/ },
  { lie: "a host's error whose cause has none", found: THROWN_IN_FULL, because: /the guest must catch/ },
  { lie: "a host's error whose parts have the host's stack", found: THROWN_IN_FULL, because: /the guest saw/ },
  { lie: "host functions that run after close", found: /none is called once/, because: /by a module that was closed/ },
  { lie: "a timed out call that runs again", found: /never answers: its caller gets/, because: /65 calls called it/ },
  {
    lie: "a crashed call that runs again",
    placement: "process",
    found: /crashes its engine is not run again/,
    because: /its host function was called twice/,
  },
  {
    lie: "a crashed call that runs again and answers",
    placement: "process",
    found: /crashes its engine is not run again/,
    because: /its host function was called twice/,
  },
  {
    lie: "a crash that fails the calls of neighbours",
    placement: "process",
    found: CRASH_BESIDE,
    because: /gone|ended|crash/i,
  },
  {
    lie: "a crash that costs neighbours their state",
    placement: "process",
    found: CRASH_BESIDE,
    because: /lost its state/,
  },
  { lie: "a call that reads its value later", found: VALUES, because: /when the call is made/ },
  { lie: "an answer that is the object that was sent", found: VALUES, because: /is the object that was sent/ },
  { lie: "one object as the answer of equal calls", found: VALUES, because: /same object as their answer/ },
  {
    lie: "host functions whose answer is read later",
    found: /one gets the value and who calls/,
    because: /answer when it was given/,
  },
  { lie: "capabilitiesAt that says less", found: ELSEWHERE, because: /what its capabilities do not/ },
  { lie: "capabilitiesAt that promises what is refused", found: ELSEWHERE, because: /no synchronous calls/ },
  { lie: "a synchronous call on another instance", found: /it uses the same instances/, because: /deep-equal/ },
  { lie: "an addon under another name", found: /nativeAddon: no addon/, because: /data\.bin/ },
  {
    lie: "parallel by two threads that spin on one lock",
    found: AT_A_TIME,
    because: /of 100 looks|wait for each other/,
  },
  {
    lie: "parallel by two threads that hand a lock to and fro",
    found: AT_A_TIME,
    because: /of 100 looks|wait for each other/,
  },
  { lie: "a module with another manifest", found: HOLDS, because: /manifest/ },
  { lie: "a module with the limits of its manifest alone", found: HOLDS, because: /the host's first/ },
  { lie: "a module with limits that can be changed", found: HOLDS, because: /limits of a module can be changed/ },
  { lie: "a module that promises more than its engine", found: HOLDS, because: /capabilities/ },
];

const FLAGS: readonly Liar[] = [
  { lie: "deadline declared", found: /> loop: its caller gets/, because: /failed with ERR_EXT_UNSUPPORTED/ },
  { lie: "deadline concealed", found: /a timeout is refused/, because: /timeoutMs must fail, and gave/ },
  { lie: "deadline concealed", found: /limits.timeoutMs is refused/, because: /load must fail, and gave/ },
  {
    lie: "deadline hard, and it is interpreted",
    found: /> loop-native: its caller gets/,
    because: /computes on|still not settled|did not answer/,
  },
  { lie: "signal declared", found: /a signal fired during the call/, because: /ERR_EXT_UNSUPPORTED/ },
  {
    lie: "signal declared, and only beside a timeout",
    found: /a signal alone ends each kind/,
    because: /the engine computes on|still not settled|did not answer/,
  },
  { lie: "signal concealed", found: /a signal is refused/, because: /a signal must fail, and gave/ },
  { lie: "memoryLimit declared", found: /a limit in the manifest holds/, because: /memoryLimit is false/ },
  { lie: "memoryLimit concealed", found: /limits.memoryMb is refused/, because: /load must fail, and gave/ },
  { lie: "sync declared", found: /invokeSync answers, as invoke does/, because: /no synchronous calls/ },
  { lie: "sync concealed", found: /invokeSync is refused/, because: /invokeSync must fail, and gave/ },
  { lie: "hostFunctions declared", found: /one gets the value and who calls/, because: /host function/ },
  { lie: "hostFunctions concealed", found: /a load that asks for one is refused/, because: /load must fail, and gave/ },
  { lie: "freshCalls declared", found: /a call finds nothing of the one/, because: /freshCalls is false/ },
  { lie: "freshCalls concealed", found: /limits.fresh is refused/, because: /load must fail, and gave/ },
  { lie: "parallel declared", found: AT_A_TIME, because: /keep the thread|of 100 looks|wait for each other/ },
  { lie: "crashIsolation declared", found: /killed from outside/, because: /neither a process to kill nor a guest/ },
  { lie: "nativeAddon declared", found: /nativeAddon: an addon was loaded/, because: /has loaded one/ },
  { lie: "another language declared", found: /guests that its capabilities call for/, because: /cobol are missing/ },
  { lie: "capabilities that change", found: /every one is declared/, because: /declare different things/ },
  { lie: "capabilities that can be changed", found: /every one is declared/, because: /can be changed/ },
];

it("a WebAssembly engine whose modules import anything is rejected", async () => {
  const guests = new URL("../../../fixtures/guests/wasm/", import.meta.url);
  const setup = { engine: engine("leaky.mjs"), export: "wasiAnything", guests, patienceMs: 6_000 };
  const said = await failuresOf(setup, /imports what its language does not have/);
  expect([...said.values()].join("\n")).toMatch(/imports env\.read must fail/);
});

describe.each([
  ["sandbox", "sandbox-liars.mjs", SANDBOX],
  ["time", "time-liars.mjs", TIME],
  ["capabilities, each of them", "flag-liars.mjs", FLAGS],
  ["memory", "memory-liars.mjs", MEMORY],
  ["fresh calls", "fresh-liars.mjs", FRESH],
  ["counts and numbers", "count-liars.mjs", COUNTS],
  ["host functions, crashes and capabilities", "host-liars.mjs", HOST],
] as const)("an engine that lies about its %s is rejected by the test that should reject it", (_, file, liars) => {
  // What looks at processor time is a matter of chance on a busy machine: the kit finds it in most runs, not in all. And what takes longer there than it waits is told of something else: so it waits longer each time.
  // Most of them wait, for what never comes or to see whether something computes on: several at a time, but for those that say how much work two calls are.
  for (const liar of liars)
    (liar.found === AT_A_TIME ? it.sequential : it.concurrent)(
      `${liar.lie}: ${liar.found.source}`,
      { retry: RETRIES },
      ({ task }) =>
        inTurn(async () => {
          expect(await failures(file, liar, task)).toMatch(liar.because);
        }),
    );

  it.concurrent("and one that does not lie passes these tests", { retry: RETRIES }, async ({ task }) => {
    // The honest one says itself that it is not parallel.
    const inline = liars
      .filter(({ placement, found }) => placement === undefined && found !== AT_A_TIME)
      .map((each) => each.found.source);
    const honest = { lie: "none", found: new RegExp([...new Set(inline)].join("|")) };
    expect(await failures(file, honest, task)).toBe("");
  });
});
