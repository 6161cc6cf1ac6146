import { type Module, native, type Runtime, type RuntimeOptions } from "../../dist/index.js";

/** What the tests of placements have guests do. Native ones, since those can do the worst. */
const CODE = `
import { writeSync } from "node:fs";
let calls = 0;
export const echo = (value) => value;
export const count = () => ++calls;
export const fail = () => { const error = new RangeError("out of cheese"); throw error; };
export const forever = () => { for (;;); };
export const spin = (ms) => { const end = Date.now() + ms; while (Date.now() < end); return ms; };
export const later = async (ms) => { await new Promise((resolve) => setTimeout(resolve, ms)); return ms; };
export const never = () => new Promise(() => { setInterval(() => {}, 1000); });
export const say = (text, context) => { context.log("warn", text); return null; };
export const exit = (code) => process.exit(code);
export const abort = (text) => { writeSync(2, text + "\\n"); process.abort(); };
export const kill = () => { process.kill(process.pid, "SIGKILL"); for (;;); };
export const pid = () => process.pid;
export const pids = () => [process.pid, process.ppid];
export const environment = () => process.env;
export const stray = () => { setTimeout(() => { throw new Error("a stray error"); }, 0); return null; };
`;

const EXPORTS = [...CODE.matchAll(/export const (\w+)/g)].map(([, name]) => name!);

export function guest(name = "guest", more: Record<string, unknown> = {}, code = CODE) {
  const exports = [...code.matchAll(/export const (\w+)/g)].map(([, each]) => each!);
  const manifest = { name, runtime: "native", module: "guest.mjs", exports: exports.length > 0 ? exports : EXPORTS };
  return { manifest: { ...manifest, ...more }, files: { "guest.mjs": code } };
}

/** A runtime whose end the test does not have to think of. */
export async function withRuntime<T>(options: RuntimeOptions, run: (runtime: Runtime) => Promise<T>): Promise<T> {
  const runtime = native(options);
  try {
    return await run(runtime);
  } finally {
    await runtime.close({ abort: true });
  }
}

/** The same with one module loaded. */
export function withGuest<T>(
  options: RuntimeOptions,
  run: (module: Module, runtime: Runtime) => Promise<T>,
  limits: Record<string, number> = {},
): Promise<T> {
  return withRuntime(options, async (runtime) => run(await runtime.load(guest("guest", { limits })), runtime));
}

/** Codes of what was rejected. */
export function codes(results: readonly PromiseSettledResult<unknown>[]): string[] {
  return results.flatMap((result) => (result.status === "rejected" ? [(result.reason as { code: string }).code] : []));
}
