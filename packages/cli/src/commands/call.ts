import { readFile } from "node:fs/promises";
import {
  type Discovery,
  ExtensionError,
  ExtensionHost,
  type HostFunctions,
  openExtension,
  type Placement,
} from "extruntime";
import { closeAll, findEngines, requireRuntime } from "../engines.ts";
import { EXIT, type ExitCode, UsageError } from "../exit-codes.ts";
import { importFunctions } from "../function-files.ts";
import { failureJson, printFailure } from "../terminal/failure.ts";
import { guestLogger } from "../terminal/guest-output.ts";
import { visibleJson } from "../terminal/io.ts";
import { type Context, type Outcome, printJson } from "./command.ts";

export interface CallOptions {
  readonly placement?: Placement | undefined;
  /** Milliseconds. */
  readonly timeout?: number | undefined;
  /** `name=file` each. */
  readonly function?: readonly string[] | undefined;
}

/** `extruntime call <folder> <fn> [value]` */
export async function call(
  folder: string,
  fn: string,
  value: string | undefined,
  options: CallOptions,
  context: Context,
): Outcome {
  const payload = await readPayload(value, context);
  const hostFunctions = await importFunctions(options.function ?? []);
  let discovery: Discovery | undefined;
  try {
    const extension = await openExtension(folder);
    discovery = await findEngines();
    requireRuntime(extension.manifest, discovery);
    const host = new ExtensionHost({
      ...discovery,
      policy: options.placement === undefined ? {} : { placement: { atLeast: options.placement } },
      hostFunctions: { ...notGiven(extension.manifest.permissions), ...hostFunctions },
      logger: guestLogger(context.err),
    });
    const module = await host.load(extension);
    const started = performance.now();
    const result = await module.invoke(
      fn,
      payload,
      options.timeout === undefined ? {} : { timeoutMs: options.timeout },
    );
    const took = Math.round((performance.now() - started) * 100) / 100;
    const { runtime, placement } = module;
    // The result is put in as text: a number that JavaScript cannot hold stays what it is.
    const about = JSON.stringify({ ok: true, runtime, placement, milliseconds: took });
    context.out.line(context.json ? `${about.slice(0, -1)},"result":${visibleJson(result)}}` : visibleJson(result));
    return EXIT.ok;
  } catch (error) {
    if (!ExtensionError.is(error)) throw error;
    if (context.json) printJson({ ok: false, error: failureJson(error) }, context);
    else tell(error, context);
    return exitOf(error);
  } finally {
    if (discovery !== undefined) await closeAll(discovery);
  }
}

/** An extension can be called without all that it asks for: a guest that does want one is told which. */
function notGiven(names: readonly string[]): HostFunctions {
  const missing = (name: string) => () => {
    throw new Error(`the host function ${name} was not given: --function ${name}=file.mjs`);
  };
  return Object.fromEntries(names.map((name) => [name, missing(name)]));
}

function exitOf({ code }: ExtensionError): ExitCode {
  return code === "ERR_EXT_UNKNOWN_RUNTIME" ? EXIT.unavailable : EXIT.failed;
}

function tell(error: ExtensionError, { err }: Context): void {
  printFailure(error, err);
  const remedy = REMEDIES[error.code];
  if (remedy !== undefined) err.line(`  ${err.colors.green("→")} ${remedy}`);
}

const REMEDIES: Partial<Record<string, string>> = {
  ERR_EXT_BAD_MANIFEST: "extruntime check shows every fault with its place",
  ERR_EXT_NO_MANIFEST: "Name the folder of an extension, or make one: extruntime init",
};

/** @throws UsageError for what is no JSON, or cannot be read. */
async function readPayload(value: string | undefined, { io }: Context): Promise<string> {
  if (value === undefined) return "null";
  const text =
    value === "-" ? await readAll(io.stdin) : value.startsWith("@") ? await readFileOf(value.slice(1)) : value;
  try {
    JSON.parse(text);
    return text;
  } catch (error) {
    const where = value === "-" ? "standard input" : value;
    throw new UsageError(
      `the value must be JSON, and ${where.length > 80 ? `${where.slice(0, 79)}…` : where} is not: ${(error as Error).message}${value === text ? `. A text is written '"so"' in a shell` : ""}`,
    );
  }
}

async function readFileOf(path: string): Promise<string> {
  try {
    return withoutMark(await readFile(path, "utf8"));
  } catch (error) {
    throw new UsageError(`the value's file cannot be read: ${(error as Error).message}`);
  }
}

async function readAll(stream: NodeJS.ReadableStream): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(Buffer.from(part));
  return withoutMark(Buffer.concat(parts).toString("utf8"));
}

function withoutMark(text: string): string {
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}
