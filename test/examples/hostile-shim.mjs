// Stands in for the packages that an example of the documentation imports: whatever the example loads becomes a guest that never
// ends, and every call is recorded. The second argument names the kind of guest.
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ExtensionError, native, ExtensionHost as RealHost } from "../../packages/extruntime/dist/index.js";
import { quickjs as realQuickjs } from "../../packages/quickjs/dist/index.js";
import { wasm as realWasm } from "../../packages/wasm/dist/index.js";

export * from "../../packages/extruntime/dist/index.js";

const KIND = process.argv[3];
const LOOPS = {
  interpreted: "for (;;);",
  // Days in a builtin, where the interpreter does not look at its deadline.
  builtin: 'const s = "a".repeat(2 ** 20); for (;;) s.indexOf("a".repeat(2 ** 19) + "b");',
};
const WASM_LOOP = new URL("../../fixtures/guests/wasm/loop/guest.wasm", import.meta.url);

/** What each call ended with. */
export const outcomes = [];
const hosts = [];
const runtimes = [];

async function hostile(source) {
  if (typeof source === "string") {
    await writeFolder(source);
    return source;
  }
  const { manifest } = source;
  if (manifest.runtime !== "wasm") {
    const body = manifest.exports.map((name) => `function ${name}() { ${LOOPS[KIND]} }`).join("\n");
    return { ...source, files: { ...source.files, [manifest.module]: body } };
  }
  return { manifest: { ...manifest, exports: ["forever"] }, files: { [manifest.module]: await readFile(WASM_LOOP) } };
}

/** An example that has made a folder, and compiled what is in it or left that out. */
async function replaceModule(folder) {
  const file = join(folder, "extension.json");
  if (!existsSync(file)) return;
  const { manifest, files } = await hostile({ manifest: JSON.parse(await readFile(file, "utf8")) });
  await writeFile(file, JSON.stringify(manifest));
  await writeFile(join(folder, manifest.module), files[manifest.module]);
}

/** An example that loads a folder finds an extension there. */
async function writeFolder(folder) {
  const dir = join(folder, "validate-email");
  if (existsSync(dir)) return;
  await mkdir(dir, { recursive: true });
  const manifest = { name: "validate-email", runtime: "quickjs", module: "validate.js", exports: ["validate"] };
  await writeFile(join(dir, "extension.json"), JSON.stringify(manifest));
  await writeFile(join(dir, "validate.js"), `globalThis.validate = () => { ${LOOPS[KIND]} };`);
}

function recording(module) {
  const real = new Map();
  const over = {
    invoke: (_fn, payload, options) => record(() => module.invoke(module.exports[0], payload, options)),
    call: (_fn, value, options) => record(() => module.call(module.exports[0], value, options)),
    invokeSync(_fn, payload, options) {
      try {
        return module.invokeSync(module.exports[0], payload, options);
      } catch (error) {
        outcomes.push(error.code ?? String(error));
        throw error;
      }
    },
  };
  return new Proxy(module, {
    get(target, key) {
      if (key in over) return over[key];
      const value = Reflect.get(target, key, target);
      if (typeof value !== "function") return value;
      if (!real.has(key)) real.set(key, value.bind(target));
      return real.get(key);
    },
  });
}

async function record(call) {
  try {
    const result = await call();
    outcomes.push("answered");
    return result;
  } catch (error) {
    outcomes.push(error.code ?? String(error));
    throw error;
  }
}

function wrapped(make) {
  return (options) => {
    const runtime = make(options);
    runtimes.push(runtime);
    const { load } = runtime;
    runtime.load = async (source, loadOptions) => {
      if (source?.read !== undefined) return load.call(runtime, source, loadOptions);
      return recording(await load.call(runtime, await hostile(source), loadOptions));
    };
    return runtime;
  };
}

export const quickjs = wrapped(realQuickjs);
export const wasm = wrapped(realWasm);
/** An example that only names pyvm among its runtimes wants no Python here. */
export const pyvm = () => Object.create(native(), { name: { value: "pyvm" }, close: { value: async () => {} } });
const v8Module = process.argv[4] === "v8" ? await import("../../packages/v8/dist/index.js") : undefined;
export const v8 = wrapped((options) => v8Module.v8(options));

export async function discoverRuntimes() {
  return { runtimes: [quickjs(), wasm()], unavailable: [] };
}

export class ExtensionHost extends RealHost {
  constructor(options) {
    super(options);
    hosts.push(this);
  }
  async load(source, options) {
    if (typeof source === "string") await replaceModule(source);
    const module = await super.load(typeof source === "string" ? source : await hostile(source), options);
    return recording(module);
  }
  async loadDir(dir, options) {
    await writeFolder(dir);
    return super.loadDir(dir, options);
  }
  async call(name, fn, value, options) {
    // An extension that the page does not show.
    if (this.get(name) === undefined)
      await this.load({ manifest: { name, runtime: "quickjs", module: "main.js", exports: [fn] }, files: {} });
    const { exports } = this.get(name);
    return record(() => super.call(name, exports[0], value, options));
  }
}

/** For an example that only makes a host or a runtime: loads a guest into each and calls it, with nothing of its own to bound it. */
export async function callWhatIsThere() {
  const allow = "tenant-loop";
  const source = {
    manifest: { name: allow, runtime: "quickjs", module: "loop.js", exports: ["loop"] },
    files: { "loop.js": `function loop() { ${LOOPS[KIND]} }` },
  };
  for (const host of hosts) {
    await host.load(source).then(
      () => host.call(allow, "loop", null).catch(() => {}),
      (error) => outcomes.push(`load: ${ExtensionError.is(error) ? error.code : String(error)}`),
    );
  }
}

export async function closeAll() {
  await Promise.all(hosts.map((host) => host.close({ abort: true }).catch(() => {})));
  await Promise.all(runtimes.map((runtime) => runtime.close({ abort: true }).catch(() => {})));
}
