import type { Engine } from "../../contract/engine.ts";
import { ExtensionError } from "../../errors.ts";
import { PROTOCOL_VERSION, type StartMessage } from "../wire/protocol.ts";

/** The engine that a worker is started for. */
export async function makeEngine({ version, engine, path }: StartMessage): Promise<Engine> {
  const { module, export: name, options } = engine;
  if (version !== PROTOCOL_VERSION)
    throw new ExtensionError(
      "ERR_EXT_UNSUPPORTED",
      `the host speaks version ${version} of the placement protocol, and its worker ${PROTOCOL_VERSION}: another copy of extruntime lies where the host's own was; reinstall`,
    );
  const namespace = (await import(module)) as Record<string, unknown>;
  const make = namespace[name];
  if (typeof make !== "function")
    throw new ExtensionError("ERR_EXT_UNSUPPORTED", `${module} has no function ${name} that makes the engine`);
  return withPath(path, () => make(options) as Engine);
}

/** A process has no `PATH`, or the one that it was granted. */
function withPath<T>(path: string | undefined, run: () => T): T {
  if (path === undefined || process.env.PATH !== undefined) return run();
  process.env.PATH = path;
  try {
    return run();
  } finally {
    delete process.env.PATH;
  }
}
