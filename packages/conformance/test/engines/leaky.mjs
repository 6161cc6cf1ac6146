// Engines that declare `hardSandbox` and are none, in ways that are met in the wild. They have the names of the engines whose guests they load.
import { execFileSync } from "node:child_process";
import { createContext, runInContext } from "node:vm";
import { WASI } from "node:wasi";
import { createRuntime, ENGINE_VERSION, ExtensionError, guestError, readHostAnswer } from "extruntime/engine";
import { nativeEngine } from "../../../extruntime/dist/native/engine.js";

const declared = {
  hardSandbox: true,
  nativeAddon: false,
  deadline: false,
  signal: false,
  crashIsolation: false,
  memoryLimit: false,
  parallel: false,
  sync: true,
  hostFunctions: true,
  freshCalls: false,
};

const thrown = (error) =>
  guestError({ name: String(error?.name), message: String(error?.message ?? error), stack: "" }, error);

const fail = (error) => {
  throw thrown(error);
};

function engine(name, language, makeInvoke) {
  return createRuntime({
    engineVersion: ENGINE_VERSION,
    name,
    aliases: [],
    capabilities: { ...declared, languages: [language] },
    pool: { size: 1 },
    async compile(extension, { host }) {
      const code = Buffer.from(await extension.read(extension.manifest.module));
      return { instantiate: () => ({ invoke: makeInvoke(code, extension.manifest, host), close() {} }), close() {} };
    },
  });
}

/** The host's own realm. */
export const realm = () => {
  const native = nativeEngine({});
  return createRuntime({ ...native, capabilities: { ...native.capabilities, hardSandbox: true } });
};

/** node:vm with the host's `console` and its promises: a guest gets at the host by the constructor of what it is handed. */
export const vm = () =>
  engine("native", "javascript", (code, { exports }, calls) => {
    let current;
    const call = async (name, value) =>
      readHostAnswer(await calls.call(name, JSON.stringify(value) ?? "null", current));
    const context = createContext({ console: { log() {}, error() {} }, ...(calls && { host: { call } }) });
    try {
      const script = code
        .toString()
        .replace(/^export default/gm, "")
        .replace(/^export /gm, "")
        .replace(/^import .*$/gm, "");
      runInContext(`${script}\n${exports.map((name) => `globalThis.${name} = ${name};`).join("\n")}`, context);
    } catch (error) {
      throw thrown(error);
    }
    return (fn, payload, own) => {
      current = own;
      try {
        const argument = runInContext(`(${payload})`, context);
        const result = context[fn](argument);
        if (typeof result?.then === "function") return result.then((value) => JSON.stringify(value) ?? "null", fail);
        return JSON.stringify(result) ?? "null";
      } catch (error) {
        throw thrown(error);
      }
    };
  });

const ABORT = {
  abort() {
    throw new Error("abort");
  },
};

/** WebAssembly with node:wasi, the host's environment and its file system. */
export const wasi = () => wasiWith({ env: process.env, preopens: { "/": "/" } });

/** The same without files, with the arguments that the host was started with. */
export const wasiArguments = () => wasiWith({ args: process.argv });

/** The same, with the working directory. */
export const wasiFolder = () => wasiWith({ args: [process.cwd()] });

/** WebAssembly whose modules may import any function of `env`. */
export const wasiAnything = () => wasiWith({}, new Proxy({}, { get: () => () => 0 }));

const wasiWith = (given, env = ABORT) =>
  engine("wasm", "wasm", (code) => {
    let exports;
    try {
      const host = new WASI({ version: "preview1", returnOnExit: false, ...given });
      const module = new WebAssembly.Module(code);
      ({ exports } = new WebAssembly.Instance(module, { wasi_snapshot_preview1: host.wasiImport, env }));
      host.initialize({ exports: { memory: exports.memory } });
    } catch (error) {
      throw thrown(error);
    }
    return (fn, payload) => {
      try {
        const bytes = Buffer.from(payload);
        const pointer = exports.__base_alloc(bytes.length);
        Buffer.from(exports.memory.buffer).set(bytes, pointer);
        const result = BigInt.asUintN(64, exports[fn](pointer, bytes.length));
        const [at, length] = [Number(result >> 32n), Number(result & 0xffffffffn)];
        return Buffer.from(exports.memory.buffer, at, length).toString() || "null";
      } catch (error) {
        throw thrown(error);
      }
    };
  });

/** A Python of the system, in a process with the host's rights. */
export const python = () =>
  engine("pyvm", "python", (code) => (fn, payload) => {
    const program = `${code}\nimport json, sys\nprint(json.dumps(${fn}(json.loads(sys.stdin.read()))))`;
    try {
      return execFileSync("python3", ["-c", program], { input: payload, stdio: ["pipe", "pipe", "pipe"] })
        .toString()
        .trim();
    } catch (error) {
      throw new ExtensionError("ERR_EXT_GUEST", "it threw", {
        guest: { name: "Error", message: "it threw", stack: "" },
        cause: error,
      });
    }
  });
