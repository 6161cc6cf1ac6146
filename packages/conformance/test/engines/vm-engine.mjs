// A JavaScript engine over node:vm that keeps its guests apart as well as node:vm can: each instance has a context of its own, and only strings cross its boundary. The liars of
// `sandbox-liars.mjs` are made from it: `parts` replaces what an instance is made of.
import { createContext, runInContext } from "node:vm";
import { createRuntime, ENGINE_VERSION, ExtensionError, guestError, HOST_ANSWER } from "extruntime/engine";

export const vmEngine = (parts = {}, options = {}) => createRuntime(engine(parts), options);

const PARTS = {
  capabilities: {},
  /** The context of a new instance. */
  context: () => createContext(undefined, { codeGeneration: { strings: true, wasm: false } }),
  /** Lies in the guest's own realm: code that runs in it before the guest, with what the host hands to it as `given`. */
  prelude: "",
  given: () => undefined,
  /** What the stack of an error becomes. */
  stack: (stack) => stack,
};

function engine(changes) {
  const parts = { ...PARTS, ...changes };
  return {
    engineVersion: ENGINE_VERSION,
    name: "quickjs",
    aliases: [],
    capabilities: {
      languages: ["javascript"],
      hardSandbox: true,
      nativeAddon: false,
      deadline: "interpreted",
      signal: false,
      crashIsolation: false,
      memoryLimit: false,
      parallel: false,
      sync: true,
      hostFunctions: true,
      freshCalls: false,
      ...parts.capabilities,
    },
    pool: { size: 4 },
    async compile(extension, context) {
      const source = Buffer.from(await extension.read(extension.manifest.module)).toString();
      const files = extension.manifest.module;
      if (/^import .* from "\.\//m.test(source))
        throw guestError({ name: "SyntaxError", message: "no imports", stack: "" });
      return { instantiate: (call) => new VmInstance(parts, source, files, extension, context, call), close() {} };
    },
  };
}

/** Code of a module as that of a script: `node:vm` has modules behind a flag alone. */
function asScript(source, exports) {
  const script = source
    .replace(/^export default/gm, "")
    .replace(/^export /gm, "")
    .replace(/\bimport\.meta\b/g, "({ __proto__: null })")
    .replace(/\bimport\(/g, "Promise.reject(");
  return `(() => { "use strict"; ${script}\nreturn { ${exports.map((name) => `${name}: typeof ${name} === "function" ? ${name} : globalThis.${name}`).join(", ")} }; })()`;
}

/** Runs in the guest's realm before it. What it returns the host calls, with strings alone. */
const BOOT = `(function (host, given) {
  "use strict";
  const { parse, stringify } = JSON, { apply } = Reflect, { then } = Promise.prototype, NewPromise = Promise, text = String, toText = Object.prototype.toString;
  const own = (value) => { try { return typeof value === "string" ? value : typeof value === "object" && value !== null ? stringify(value) ?? "null" : text(value); } catch { return "?"; } };
  const line = (args) => { let all = ""; for (let i = 0; i < args.length; i++) all += (i > 0 ? " " : "") + own(args[i]); return all; };
  const console = {};
  for (const level of ["log", "info", "warn", "error", "debug"]) console[level] = { [level](...args) { host.print(level === "log" ? "info" : level, line(args)); } }[level];
  Object.defineProperty(globalThis, "console", { value: console, writable: true, configurable: true });
  const waiting = { __proto__: null };
  const settled = (answer) => { if (answer[0] === "=") return parse(sliced(answer)); const [name, message] = parse(sliced(answer)); const error = new Error(message); error.name = name; throw error; };
  const { slice } = String.prototype, sliced = (all) => apply(slice, all, [1]);
  let calls = 0;
  if (host.asks) globalThis.host = { call(name, value) { let sent; try { sent = stringify(value); } catch (error) { return NewPromise.reject(error); } if (sent === undefined && value !== undefined) return NewPromise.reject(new TypeError("no JSON form")); const id = ++calls; return new NewPromise((resolve, reject) => { waiting[id] = (answer) => { try { resolve(settled(answer)); } catch (error) { reject(error); } }; host.ask(id, text(name), sent ?? "null"); }); } };
  const failure = (error) => { let name = "Error", message = "", stack = ""; try { name = own(error.name); message = own(error.message); stack = own(error.stack); } catch { message = own(error); } return "!" + stringify([text(name), text(message), text(stack)]); };
  const written = (value) => { try { return "=" + (stringify(value) ?? (value === undefined ? "null" : "?")); } catch (error) { return "?" + own(error); } };
  return {
    answered(id, answer) { const resume = waiting[id]; delete waiting[id]; resume?.(answer); },
    run(guest, fn, payload, id) {
      let result;
      try { result = guest[fn](parse(payload)); } catch (error) { return failure(error); }
      try { if (typeof result !== "object" || result === null || typeof result.then !== "function") return written(result); } catch (error) { return failure(error); }
      const promise = new NewPromise((resolve) => resolve(result));
      apply(then, promise, [(value) => host.settle(id, written(value)), (error) => host.settle(id, failure(error))]);
      return undefined;
    },
  };
})`;

class VmInstance {
  broken = false;
  #parts;
  #context;
  #entries;
  #guest;
  #name;
  #waiting = new Map();
  #calls = 0;
  /** The last one, which is the one that runs. */
  #call;

  constructor(parts, source, file, extension, { host, log }, call) {
    this.#parts = parts;
    this.#name = extension.manifest.name;
    this.#context = parts.context(extension);
    const bridge = {
      asks: host !== undefined,
      print: (level, line) => log(level, line),
      ask: (id, name, payload) => this.#ask(host, id, name, payload),
      settle: (id, text) => {
        const resolve = this.#waiting.get(id);
        this.#waiting.delete(id);
        resolve?.(text);
      },
    };
    if (parts.prelude !== "") runInContext(`(${parts.prelude})`, this.#context)(parts.given({ extension, bridge }));
    this.#entries = runInContext(BOOT, this.#context)(bridge);
    this.#guest = this.#within(call.deadline, () =>
      runInContext(asScript(source, extension.manifest.exports), this.#context, {
        filename: file,
        ...timeout(call.deadline),
      }),
    );
    for (const name of extension.manifest.exports)
      if (typeof this.#guest[name] !== "function")
        throw new ExtensionError("ERR_EXT_UNKNOWN_FUNCTION", `no function ${name}`, { function: name });
  }

  invoke(fn, payload, call) {
    try {
      JSON.parse(payload);
    } catch (cause) {
      throw new ExtensionError("ERR_EXT_BAD_PAYLOAD", "the payload is not JSON", { cause });
    }
    const id = ++this.#calls;
    this.#call = call;
    const globals = { entries: this.#entries, guest: this.#guest };
    const now = this.#within(call.deadline, () => {
      const run = runInContext(
        "(function (entries, guest, fn, payload, id) { return entries.run(guest, fn, payload, id); })",
        this.#context,
      );
      this.#args = [globals.entries, globals.guest, fn, payload, id];
      return this.#timed(run, call.deadline);
    });
    if (typeof now === "string") return this.#read(now, fn);
    return new Promise((resolve) => this.#waiting.set(id, resolve)).then((text) => this.#read(text, fn));
  }

  #args = [];

  /** Calls a function of the context within a script, since only scripts have a timeout. */
  #timed(run, deadline) {
    const key = "\0run";
    const call = () => run(...this.#args);
    Object.defineProperty(this.#context, key, { value: call, configurable: true });
    try {
      return runInContext(`globalThis[${JSON.stringify(key)}]()`, this.#context, timeout(deadline));
    } finally {
      delete this.#context[key];
    }
  }

  close() {}

  #within(_, action) {
    try {
      return action();
    } catch (error) {
      if (error?.code === "ERR_SCRIPT_EXECUTION_TIMEOUT") {
        this.broken = true;
        throw new ExtensionError("ERR_EXT_TIMEOUT", "time is up");
      }
      if (error instanceof ExtensionError) throw error;
      throw this.#thrown(String(error?.name), String(error?.message), String(error?.stack));
    }
  }

  #thrown(name, message, stack) {
    // What is below the guest's frames is the host's.
    const own = stack.split("\n").filter((line, i) => i === 0 || !/node:|file:\/\/|\/dist\/|vm-engine/.test(line));
    return guestError({ name, message, stack: this.#parts.stack(own.join("\n"), stack) });
  }

  #read(text, fn) {
    if (text[0] === "=") {
      if (text === "=?") throw new ExtensionError("ERR_EXT_BAD_RESULT", "the result has no JSON form");
      return text.slice(1);
    }
    if (text[0] === "?") throw new ExtensionError("ERR_EXT_BAD_RESULT", text.slice(1));
    throw this.#thrown(...JSON.parse(text.slice(1)), fn);
  }

  #ask(host, id, name, payload) {
    const answer = (text) => this.#entries.answered(id, text);
    let now;
    try {
      now = host.call(name, payload, this.#call);
    } catch (error) {
      now = `${HOST_ANSWER.failure}${JSON.stringify([error.name, error.message])}`;
    }
    if (typeof now === "string") queueMicrotask(() => answer(now));
    else now.then(answer);
  }
}

const timeout = (deadline) =>
  Number.isFinite(deadline) ? { timeout: Math.max(1, Math.ceil(deadline - performance.now())) } : {};
