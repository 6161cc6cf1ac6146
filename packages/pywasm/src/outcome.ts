import { GuestExit, wasmApi } from "@extruntime/wasm/machine";
import {
  type Bounds,
  ExtensionError,
  type GuestErrorDetails,
  guestError,
  readDescription,
  resultTooLong,
} from "extruntime/engine";
import { STATUS } from "./interpreter/abi.ts";
import type { Interpreter } from "./interpreter/interpreter.ts";

/** What ended a run of the interpreter, in the contract's terms. */

export function outOfMemory(limit: number, cause?: unknown): ExtensionError {
  return new ExtensionError(
    "ERR_EXT_MEMORY",
    `it needs more memory than the ${Math.floor(limit / 2 ** 20)} MiB that it may have: raise limits.memoryMb, or defaultMemoryMb of pywasm() where nobody sets that`,
    { cause },
  );
}

/** An exception of the program's, as the Python half has told of it. */
function readException(text: string): GuestErrorDetails {
  return readDescription(`E${text}`, (stack) => stack);
}

/** The interpreter came to an end in place of an answer; nothing in its memory is certain then. */
export function crashed(thrown: unknown): ExtensionError {
  if (thrown instanceof GuestExit)
    return guestError({
      name: "SystemExit",
      message: `the interpreter was ended with code ${thrown.exitCode}`,
      stack: "",
    });
  if (thrown instanceof RangeError)
    return guestError({ name: "RecursionError", message: `the stack has ended: ${thrown.message}`, stack: "" }, thrown);
  if (thrown instanceof wasmApi.RuntimeError)
    return guestError(
      { name: "SystemError", message: `the interpreter has crashed: ${thrown.message}`, stack: "" },
      thrown,
    );
  return new ExtensionError("ERR_EXT_CRASHED", `the interpreter failed: ${String(thrown)}`, { cause: thrown });
}

/** The error for a status that is no answer. */
export function refusedStatus(interpreter: Interpreter, status: number, bounds: Bounds): ExtensionError {
  switch (status) {
    case STATUS.tooLong:
      return resultTooLong(interpreter.length, bounds);
    case STATUS.coroutine:
      return new ExtensionError(
        "ERR_EXT_UNSUPPORTED",
        "the function is an `async def`, whose answer cannot be waited for on the calling thread: use invoke",
      );
    case STATUS.failed:
    case STATUS.badPayload:
    case STATUS.badResult:
      return exception(interpreter, status);
    default:
      return interpreter.refused
        ? outOfMemory(interpreter.limit)
        : crashed(new wasmApi.RuntimeError("it could not tell what it failed with"));
  }
}

function exception(interpreter: Interpreter, status: number): ExtensionError {
  const details = readException(interpreter.text);
  const { name, message } = details;
  if (name === "MemoryError" && interpreter.refused) return outOfMemory(interpreter.limit, guestError(details));
  if (status === STATUS.badPayload)
    return new ExtensionError("ERR_EXT_BAD_PAYLOAD", `the payload is not JSON: ${name}: ${message}`);
  if (status === STATUS.badResult)
    return new ExtensionError("ERR_EXT_BAD_RESULT", `the result cannot be said in JSON: ${name}: ${message}`);
  return guestError(details);
}
