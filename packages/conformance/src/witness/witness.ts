import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { HostFunctionContext, LogFields, LogLevel, Module } from "extruntime";
import { ERROR_CODES, ExtensionError } from "extruntime";
import { show } from "../expect/expect.ts";
import type { Subject } from "../facts/facts.ts";
import { CORE_FOLDER, KIT_FOLDER } from "../host/host-folders.ts";

/** One call, as its caller made it. */
export interface Witnessed {
  readonly method: "invoke" | "call" | "invokeSync";
  readonly fn: unknown;
  readonly payload: unknown;
  readonly options: { readonly signal?: AbortSignal | undefined } | undefined;
}

const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** Codes of loads that fail when the manifest was read: these know whose it is. */
const OF_A_KNOWN_EXTENSION: readonly string[] = ["ERR_EXT_GUEST", "ERR_EXT_UNKNOWN_FUNCTION", "ERR_EXT_TIMEOUT"];

/** What is built of them is the host's; their tests hold guests. */
const HOST_FOLDERS = [join(CORE_FOLDER, "dist"), join(KIT_FOLDER, "dist")];

/**
 * Sees every call, line and host call of every test, whatever the test itself looks at: an error that names another function is
 * found wherever it comes. The first fault is kept, and fails the test at its end.
 */
export class Witness {
  #fault: unknown;
  readonly #subject: Subject;
  readonly #hostFolders: readonly string[];

  /** `engine`: URL of the engine's module, whose folder's frames are the host's too. */
  constructor(subject: Subject, engine: string | undefined) {
    this.#subject = subject;
    const engineFolder = engine?.startsWith("file:") === true ? [dirname(fileURLToPath(engine))] : [];
    this.#hostFolders = [...HOST_FOLDERS, ...engineFolder];
  }

  /** Throws the first fault that was seen. */
  testify(): void {
    if (this.#fault !== undefined) throw this.#fault;
  }

  /** Keeps what `check` throws. */
  see(check: () => void): void {
    try {
      check();
    } catch (fault) {
      this.#fault ??= fault;
    }
  }

  failed(module: Module, call: Witnessed, error: unknown): void {
    this.see(() => {
      if (ExtensionError.is(error)) this.#extensionError(module, call, error);
      else
        assert.ok(
          isAbort(call, error) || (error instanceof TypeError && isMistake(call)),
          `${told(module, call)} failed with what is no ExtensionError: ${show(error)}`,
        );
    });
  }

  /** A load that failed. `name` is what its manifest says, where that can be known. */
  refused(name: string | undefined, error: unknown): void {
    this.see(() => {
      const where = `a load of ${name ?? "an extension"}`;
      if (!ExtensionError.is(error))
        assert.ok(error instanceof TypeError, `${where} failed with what is no ExtensionError: ${show(error)}`);
      else {
        this.#form(error, where);
        const { extension, message, code } = error;
        assert.ok(
          extension === undefined || name === undefined || extension === name,
          `the error of ${where} names the extension ${show(extension)}`,
        );
        assert.ok(
          extension !== undefined || name === undefined || !OF_A_KNOWN_EXTENSION.includes(code),
          `the error of ${where} must name its extension: ${show(error)}`,
        );
        assert.ok(message !== "", `the error of ${where} has no message`);
      }
    });
  }

  line(module: { readonly name: string }, level: string, message: unknown, fields: LogFields): void {
    this.see(() => {
      assert.ok(LEVELS.includes(level as LogLevel), `a line of ${module.name} has the level ${level}`);
      assert.equal(typeof message, "string", `a line of ${module.name} is no text`);
      const { extension, runtime } = fields;
      const expected = { extension: module.name, runtime: this.#subject.runtime };
      assert.deepEqual(
        { extension, runtime },
        expected,
        `a line of ${module.name} must name its extension and its runtime`,
      );
    });
  }

  hostCall(module: Pick<Module, "name" | "version">, name: string, args: readonly unknown[]): void {
    this.see(() => {
      const context = args[1] as HostFunctionContext;
      assert.equal(args.length, 2, "a host function gets a value and who calls");
      assert.deepEqual(
        [context.extension, context.version, context.name],
        [module.name, module.version, name],
        "a host function must be told who calls it, by which name",
      );
      assert.ok(Object.isFrozen(context), "what a host function is told of its caller can be changed");
    });
  }

  #extensionError(module: Module, call: Witnessed, error: ExtensionError): void {
    const where = told(module, call);
    this.#form(error, where);
    assert.deepEqual(
      [error.extension, error.function],
      [module.name, call.fn],
      `the error of ${where} must name its extension and its function`,
    );
    const place = `${module.name}.${String(call.fn)}: `;
    assert.ok(
      error.message.startsWith(place) && error.message.length > place.length,
      `the message of ${where} must begin with ${show(place)} and go on, and is ${show(error.message)}`,
    );
    if (error.guest === undefined) return;
    const { guest } = error;
    // Without a stack it is the engine that says why, in more words than the guest's name of it has.
    const own = guest.stack === "" || error.message.includes(beginning(guest.message));
    assert.ok(
      own,
      `the message of ${where} must have the guest's, ${show(guest.message)}, and is ${show(error.message)}`,
    );
  }

  /** What every error of the contract has, and an engine may tell of a guest. */
  #form(error: ExtensionError, where: string): void {
    assert.ok(
      error instanceof Error && error.name === "ExtensionError",
      `${where} failed with an error named ${show(error.name)}`,
    );
    assert.ok(Object.hasOwn(ERROR_CODES, error.code), `${where} failed with the unknown code ${show(error.code)}`);
    const first = beginning(error.message.split("\n")[0]!);
    assert.ok(
      String(error.stack).includes(first),
      `the stack of the error of ${where} must have its message, and is ${show(error.stack)}`,
    );
    const { guest } = error;
    assert.equal(
      guest !== undefined,
      error.code === "ERR_EXT_GUEST",
      `${where} failed with ${error.code}: only ERR_EXT_GUEST has what the guest threw, and always`,
    );
    if (guest === undefined) return;
    for (const key of ["name", "message", "stack"] as const)
      assert.equal(typeof guest[key], "string", `guest.${key} of ${where} must be text`);
    this.#ofHost(guest.stack, where);
  }

  /** A guest in the host's own realm has the host's frames below its own in the stack that V8 writes, whoever reads it. */
  #ofHost(stack: string, where: string): void {
    const frames = stack.split("\n").filter((line) => /^\s*(at|File) |@/.test(line));
    const frame = frames.find(
      (line) => line.includes("node:internal") || this.#hostFolders.some((folder) => line.includes(folder)),
    );
    assert.equal(frame, undefined, `the guest's stack of ${where} has a frame of the host`);
  }
}

function told(module: Module, { method, fn }: Witnessed): string {
  return `${method}(${show(fn)}) of ${module.name}`;
}

function isAbort({ options }: Witnessed, error: unknown): boolean {
  return options?.signal?.aborted === true && error === options.signal.reason;
}

/** Arguments of the wrong type, and options that nobody can keep, are told by a TypeError. */
function isMistake({ fn, payload, options, method }: Witnessed): boolean {
  return (
    typeof fn !== "string" ||
    options !== undefined ||
    (method === "call" ? !isSendable(payload) : typeof payload !== "string")
  );
}

function isSendable(value: unknown): boolean {
  if (value === undefined) return true;
  try {
    return JSON.stringify(value) !== undefined;
  } catch {
    return false;
  }
}

/** Of a text that is cut where it is endless, and where others have it. */
function beginning(text: string): string {
  return text.slice(0, 1000);
}
