import { ExtensionError, guestError } from "extruntime/engine";
import { PAGE_BYTES } from "./memory-limit.ts";
import type { CompiledModule } from "./module-cache.ts";
import { GuestExit } from "./stop.ts";
import { wasmApi } from "./webassembly.ts";

/** What is known of a guest when its run has failed. */
export interface FailureScene {
  /** The end of what it wrote to standard error in this run. */
  readonly stderr: string;
  /** Size of its memory now. */
  readonly memoryBytes: number;
  readonly compiled: CompiledModule;
}

/** How Go, Rust and AssemblyScript say that an allocation failed. */
const OUT_OF_MEMORY_TEXT = /out of memory|memory allocation of \d+ bytes failed|allocation too large/i;
/** How V8 says that it could not have the memory of a new instance. */
const NO_HOST_MEMORY = /out of memory|cannot allocate/i;
const GUEST_FRAME = /wasm:\/\/|wasm-function\[/;

/** An ExtensionError for whatever ended a guest's run. What is no guest's doing is returned as it is. */
export function failureOf(thrown: unknown, scene: FailureScene): unknown {
  if (thrown instanceof GuestExit) return exitError(thrown, scene);
  if (ExtensionError.is(thrown))
    return ranOutByItsWords(thrown.guest?.message ?? "") ? memoryError(thrown.message, scene, thrown) : thrown;
  if (thrown instanceof wasmApi.RuntimeError) return trapError(thrown, scene);
  if (thrown instanceof wasmApi.Exception)
    return guestError(
      {
        name: "WebAssembly.Exception",
        message: withStderr("the guest did not catch an exception of its own", scene),
        stack: "",
      },
      thrown,
    );
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
  if (ranOutByItsWords(scene.stderr)) return memoryError(message, scene);
  return guestError({ name: "ExitError", message, stack: "" });
}

function trapError(trap: Error, scene: FailureScene): ExtensionError {
  const message = withStderr(trap.message, scene);
  if (ranOutByItsWords(scene.stderr) || isAllocatorTrap(trap, scene)) return memoryError(message, scene, trap);
  return guestError({ name: trap.name, message, stack: guestStack(trap) }, trap);
}

function ranOutByItsWords(text: string): boolean {
  return OUT_OF_MEMORY_TEXT.test(text);
}

/**
 * A failed `memory.grow` cannot be seen from outside: the guest's allocator meets it and executes `unreachable`. So a
 * memory that has grown, and so far that a doubling would pass its maximum, is taken for the reason of that trap.
 */
function isAllocatorTrap(trap: Error, scene: FailureScene): boolean {
  const { initialPages, maxPages } = scene.compiled;
  const pages = scene.memoryBytes / PAGE_BYTES;
  return trap.message === "unreachable" && pages > initialPages && pages * 2 >= maxPages;
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
function guestStack(error: Error): string {
  const frames = String(error.stack)
    .split("\n")
    .filter((line) => GUEST_FRAME.test(line));
  return [`${error.name}: ${error.message}`, ...frames].join("\n");
}
