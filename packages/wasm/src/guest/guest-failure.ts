import { ExtensionError, guestError } from "extruntime/engine";
import { PAGE_BYTES } from "../machine/module/memory-limit.ts";
import type { CompiledModule } from "../machine/module/module-cache.ts";
import { GuestExit } from "../machine/stop.ts";
import { wasmApi } from "../machine/webassembly.ts";

/** What is known of a guest when its run has failed. */
export interface FailureScene {
  /** The end of what it wrote to standard error in this run. */
  readonly stderr: string;
  /** Size of its memory now. */
  readonly memoryBytes: number;
  /** A `memory.grow` failed in this run. */
  readonly couldNotGrow: boolean;
  readonly compiled: CompiledModule;
}

/** What an error or an exit says of memory that was refused, in any language. */
const OF_MEMORY = /memory|alloc/i;
/** How V8 says that it could not have the memory of a new instance. */
const NO_HOST_MEMORY = /out of memory|cannot allocate/i;
const GUEST_FRAME = /wasm:\/\/|wasm-function\[/;

/** An ExtensionError for whatever ended a guest's run. What is no guest's doing is returned as it is. */
export function failureOf(thrown: unknown, scene: FailureScene): unknown {
  if (thrown instanceof GuestExit) return exitError(thrown, scene);
  if (ExtensionError.is(thrown))
    return ranOut(abortText(thrown), scene) ? memoryError(thrown.message, scene, thrown) : thrown;
  if (thrown instanceof wasmApi.RuntimeError) return trapError(thrown, scene);
  if (thrown instanceof wasmApi.Exception) {
    const message = withStderr("the guest did not catch an exception of its own", scene);
    // C++ throws one where memory ends; what it holds is the guest's to know.
    if (scene.couldNotGrow) return memoryError(message, scene, thrown);
    return guestError({ name: "WebAssembly.Exception", message, stack: "" }, thrown);
  }
  if (thrown instanceof RangeError && NO_HOST_MEMORY.test(thrown.message))
    return new ExtensionError("ERR_EXT_MEMORY", `the host has no memory for another instance: ${thrown.message}`, {
      cause: thrown,
    });
  // V8 reports exhausted stack, the guest's deep recursion, in this way.
  if (thrown instanceof RangeError)
    return guestError({ name: "RangeError", message: thrown.message, stack: guestStack(thrown) }, thrown);
  return thrown;
}

function exitError(exit: GuestExit, scene: FailureScene): ExtensionError {
  const message = withStderr(`exit code ${exit.exitCode}`, scene);
  if (ranOut(scene.stderr, scene)) return memoryError(message, scene);
  return guestError({ name: "ExitError", message, stack: "" });
}

function trapError(trap: Error, scene: FailureScene): ExtensionError {
  const message = withStderr(trap.message, scene);
  const isAllocators = scene.couldNotGrow && trap.message === "unreachable";
  if (isAllocators || ranOut(scene.stderr, scene)) return memoryError(message, scene, trap);
  return guestError({ name: trap.name, message, stack: guestStack(trap) }, trap);
}

/** Its words alone prove nothing: a guest says what it likes. */
function ranOut(words: string, { couldNotGrow }: FailureScene): boolean {
  return couldNotGrow && OF_MEMORY.test(words);
}

/** What AssemblyScript's `abort` said. */
function abortText({ guest }: ExtensionError): string {
  return guest?.name === "Error" ? guest.message : "";
}

function memoryError(message: string, scene: FailureScene, cause?: unknown): ExtensionError {
  const limit = scene.compiled.maxPages * PAGE_BYTES;
  return new ExtensionError(
    "ERR_EXT_MEMORY",
    `the guest ran out of memory, with ${scene.memoryBytes} of ${limit} bytes in use: ${message}; raise limits.memoryMb if the module's own maximum allows more`,
    { cause },
  );
}

function withStderr(message: string, scene: FailureScene): string {
  return scene.stderr === "" ? message : `${message}: ${scene.stderr}`;
}

/** The frames inside the guest; those of the host are not the guest author's business. */
export function guestStack(error: Error): string {
  const frames = String(error.stack)
    .split("\n")
    .filter((line) => GUEST_FRAME.test(line));
  return [`${error.name}: ${error.message}`, ...frames].join("\n");
}
