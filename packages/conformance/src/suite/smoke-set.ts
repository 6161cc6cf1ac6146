import type { Test } from "../groups/test.ts";

/**
 * Beginnings of the names of the tests that run where a promise is not tried whole: each kind of thing that crosses from the host to the engine or back, once,
 * and each way in which a call or a guest ends there.
 */
export const SMOKE_SET: readonly string[] = [
  // manifest and load
  "the guests that its capabilities call for",
  "the runtime tells its name",
  "a module tells its name, version",
  "a manifest that ",
  "an export that the code does not define",
  "code that throws at its top level",
  // payloads, errors
  "values come back as the same values",
  "what is not JSON is refused",
  "8 MB go through",
  "what a guest throws is",
  "an error keeps its code",
  "endless recursion",
  // closing, overlapping calls, the queue, state, output
  "after close every call",
  "close({ abort: true }) ends",
  "a thousand calls at a time each get",
  "calls past its bound",
  "a guest's globals last",
  "no other module sees them",
  "calls of many modules, one after the other and at a time",
  "what a guest prints arrives",
  "lines arrive in order",
  // source that is run on demand
  "two runs share no state",
  // capabilities
  "every one is declared",
  "languages names",
  "it runs ",
  "capabilitiesAt says",
  "nativeAddon: ",
  "invokeSync ",
  "two calls at a time run",
  // host functions
  "one gets the value and who calls",
  "what one throws reaches",
  "one is told for which call",
  "functions of a call ",
  "one that was not granted",
  "a guest that calls it a hundred times",
  "one that answers later",
  "one that never answers: its caller gets",
  "a process that is killed while its guest waits",
  // fresh calls
  "limits.fresh is refused",
  "a call finds nothing of the one before it",
  // deadline, signal, memoryLimit, crashIsolation
  "loop: its caller gets",
  "loop-native: its caller gets",
  "limits.timeoutMs ",
  "a top level that never ends",
  "a call that waits in the queue times out",
  "a timeout is refused",
  "a signal is refused",
  "a signal fired during the call",
  "a guest that close({ abort: true }) ended computes",
  "limits.memoryMb is refused",
  "a guest that allocates without end",
  "the host stays within",
  "a guest that crashes its engine costs one",
  "a process of the engine that is killed",
  // hardSandbox
  "there are attempts for the language",
  "two modules share no global",
  "a guest finds no name",
  "no stack that a guest sees",
  "finds no global of the host",
  "imports node:fs",
  "import() of node:fs",
  "reads a file",
  "starts a process",
  "opens a connection",
  "replaces JSON",
  "throws a proxy",
  "a result that aims at the wire",
  "host functions: the errors of answers",
  // properties, lifecycle
  "any JSON value goes through echo",
  "an engine whose calls are all answered",
];

/** What leaks is counted in everything that comes and goes. */
const LOADS_AND_CLOSES = " loads and closes leave ";

/** Those of them that close their runtime, count what is below it, or want one with nothing else in it. */
const OWN_RUNTIME: readonly string[] = [
  "the runtime tells its name",
  "close({ abort: true }) ends",
  "capabilitiesAt says",
  "two calls at a time run",
  "one that never answers",
  "a process ",
  "a guest that allocates",
  "the host stays within",
  "a guest that crashes",
  "an engine whose calls",
];

/** A test of the smoke set, which uses the runtime of the one before it where it can: most of what it would take is the start of workers. */
export function asSmoke<Given extends Test>(test: Given): Given {
  const own = test.fresh === true || OWN_RUNTIME.some((beginning) => test.name.startsWith(beginning));
  return own ? test : { ...test, shares: true };
}

export function inSmokeSet({ name }: Pick<Test, "name">): boolean {
  return SMOKE_SET.some((beginning) => name.startsWith(beginning)) || name.includes(LOADS_AND_CLOSES);
}
