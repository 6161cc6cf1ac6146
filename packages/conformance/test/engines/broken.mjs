// Engines that break one promise each, made from the honest toy engine. `{ lie: name }` chooses; the test says which test of the kit must find it.
import { Worker } from "node:worker_threads";
import { createRuntime, ExtensionError, guestError, UNLIMITED } from "extruntime/engine";
import { toyEngine } from "./toy-engine.mjs";

const leaked = [];
/** For the lie of state that is shared. */
const shared = { count: 0, kept: [] };

export function broken({ lie, slices = false, ...options }) {
  return lies[lie](toyEngine({ slices }), options);
}

/** A lie about an engine: its parts replaced, then made safe to use as any engine is. */
const ofEngine = (change) => (engine, options) => createRuntime({ ...engine, ...change(engine) }, options);

const declaring = (capabilities) =>
  ofEngine((engine) => ({ capabilities: { ...engine.capabilities, ...capabilities } }));

/** A lie about each instance: `change` gets it and gives what is laid over it. */
const ofInstance = (change) =>
  ofEngine((engine) => ({
    async compile(extension, context) {
      const program = await engine.compile(extension, context);
      const lay = (instance) => over(instance, change(instance, context, extension));
      return {
        ...program,
        instantiate(call) {
          const made = program.instantiate(call);
          return made instanceof Promise ? made.then(lay) : lay(made);
        },
      };
    },
  }));

/** A lie about each module as its user holds it, past what the core looks after. */
const ofModule = (change) => (engine, options) => {
  const runtime = createRuntime(engine, options);
  const load = async (source, loadOptions) => {
    const module = await runtime.load(source, loadOptions);
    return over(module, change(module));
  };
  return over(runtime, { load });
};

/** A lie about each load, past what the core looks after: `change` gets and gives its two arguments. */
const ofLoad = (change) => (engine, options) => {
  const runtime = createRuntime(engine, options);
  return over(runtime, { load: (source, loadOptions = {}) => runtime.load(...change(source, loadOptions)) });
};

/** A lie about how guests of a module call the host: `change` gets the calls and gives what is laid over them. */
const ofHost = (change) =>
  ofEngine((engine) => ({
    compile: (extension, { host, ...context }) =>
      engine.compile(extension, { ...context, host: host && over(host, change(host)) }),
  }));

/** Each host function that is offered, changed. */
const offering = (options, change) => ({
  ...options,
  hostFunctions: Object.fromEntries(
    Object.entries(options.hostFunctions ?? {}).map(([name, fn]) => [name, change(fn)]),
  ),
});

/** A manifest in memory with other permissions; a folder as it is. */
const asking = (source, permissions) =>
  typeof source === "string" ? source : { ...source, manifest: { ...source.manifest, permissions } };

/** An object with members replaced; methods keep the `this` of the one below. */
function over(below, members) {
  return new Proxy(below, {
    get(target, key) {
      if (Object.hasOwn(members, key)) return members[key];
      const value = target[key];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** What the answer, now or later, becomes. */
const answer = (result, change) => (typeof result === "string" ? change(result) : result.then(change));

/** What a failure, now or later, becomes. */
function failing(action, change) {
  try {
    const result = action();
    return typeof result === "string"
      ? result
      : result.catch((error) => {
          throw change(error);
        });
  } catch (error) {
    throw change(error);
  }
}

const changedAnswer = (change) =>
  ofInstance((instance) => ({ invoke: (...args) => answer(instance.invoke(...args), change) }));
const changedFailure = (change) =>
  ofInstance((instance) => ({ invoke: (...args) => failing(() => instance.invoke(...args), change) }));

/** Serves one call after the other, whichever instance it is for. */
const SPINNER = `
  require("node:worker_threads").parentPort.on("message", function (rounds) {
    let x = 1;
    for (let i = 0; i < rounds; i++) x = (x * 48271) % 2147483647;
    this.postMessage(x);
  });
`;

const lies = {
  "an abort that isn't": ofInstance((instance) => ({
    invoke: (fn, payload) => instance.invoke(fn, payload, UNLIMITED),
    abort() {},
  })),
  "a module that is dead after a timeout": ofInstance((instance) => {
    let dead = false;
    return {
      broken: false,
      invoke(...args) {
        if (dead) throw new ExtensionError("ERR_EXT_GUEST", "dead");
        return failing(
          () => instance.invoke(...args),
          (error) => {
            dead ||= error.code === "ERR_EXT_TIMEOUT";
            return error;
          },
        );
      },
    };
  }),
  "a timeout under another code": changedFailure((error) =>
    error.code === "ERR_EXT_TIMEOUT" ? new ExtensionError("ERR_EXT_CRASHED", "stopped") : error,
  ),
  "a signal whose reason is lost": ofModule((module) => ({
    invoke: (fn, payload, options) =>
      module.invoke(fn, payload, options).catch((error) => {
        throw options?.signal?.aborted ? new DOMException("aborted", "AbortError") : error;
      }),
  })),
  "a signal that is heard too late": ofModule((module) => ({
    async invoke(fn, payload, { signal, ...options } = {}) {
      const result = await module.invoke(fn, payload, options);
      signal?.throwIfAborted();
      return result;
    },
  })),
  "listeners that stay on the signal": ofModule((module) => ({
    call(fn, value, options) {
      options?.signal?.addEventListener("abort", () => {});
      return module.call(fn, value, options);
    },
  })),
  "a limit that is taken and not kept": (engine, options) => {
    const none = { ...engine, capabilities: { ...engine.capabilities, deadline: false, signal: false } };
    const runtime = createRuntime(none, options);
    const load = async (source, { limits: { timeoutMs: _, loadTimeoutMs: __, ...limits } = {}, ...rest } = {}) => {
      const module = await runtime.load(source, { ...rest, limits });
      return over(module, { invoke: (fn, payload) => module.invoke(fn, payload) });
    };
    return over(runtime, { load });
  },
  "state that leaks between modules": ofInstance((instance) => {
    instance.state = shared;
    return {};
  }),
  "state that is lost between calls": ofInstance((instance) => ({
    invoke(...args) {
      instance.state.count = 0;
      return instance.invoke(...args);
    },
  })),
  "a queue without bound": ofModule((module) => ({
    async call(fn, value) {
      for (;;) {
        try {
          return await module.call(fn, value);
        } catch (error) {
          if (error.code !== "ERR_EXT_BUSY") throw error;
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
    },
  })),
  "answers that are mixed up": ofModule((module) => {
    let last;
    let count = 0;
    return {
      call(fn, value) {
        const [before, mine] = [last, module.call(fn, value)];
        last = mine;
        return ++count % 100 === 0 ? before : mine;
      },
    };
  }),
  "an error that loses its stack": changedFailure((error) =>
    error.guest === undefined ? error : guestError({ ...error.guest, stack: "" }),
  ),
  "an error that loses its name": changedFailure((error) =>
    error.guest === undefined ? error : guestError({ ...error.guest, name: "Error" }),
  ),
  "an error that is the engine's own": changedFailure((error) => new Error(error.message)),
  "a result that isn't JSON": changedAnswer((text) => (text === "null" ? "undefined" : text)),
  "a result that is cut": changedAnswer((text) => (text.length > 60_000 ? `${text.slice(0, 60_000)}"` : text)),
  "numbers of single precision": changedAnswer((text) =>
    JSON.stringify(JSON.parse(text, (_, value) => (typeof value === "number" ? Math.fround(value) : value))),
  ),
  "text that is normalised": changedAnswer((text) => text.normalize("NFC")),
  "payloads that are let through": ofInstance((instance) => ({
    invoke(fn, payload, call) {
      try {
        JSON.parse(payload);
      } catch {
        return instance.invoke(fn, "null", call);
      }
      return instance.invoke(fn, payload, call);
    },
  })),
  "a close that hangs": ofModule(() => ({ close: () => new Promise(() => {}) })),
  "a close that closes nothing": ofModule((module) => ({
    close: async () => {},
    closed: true,
    invoke: (...args) => module.invoke(...args),
  })),
  "functions that nobody exported": ofModule((module) => ({
    invoke: (fn, payload) => (module.exports.includes(fn) ? module.invoke(fn, payload) : Promise.resolve("1")),
  })),
  "an export that is missing and not missed": ofEngine((engine) => ({
    compile: (extension, context) =>
      engine.compile(over(extension, { manifest: { ...extension.manifest, exports: [] } }), context),
  })),
  "output that is swallowed": ofEngine((engine) => ({
    compile: (extension, context) => engine.compile(extension, { ...context, log() {} }),
  })),
  "output that is doubled": ofEngine((engine) => ({
    compile: (extension, context) =>
      engine.compile(extension, {
        ...context,
        log(...args) {
          context.log(...args);
          context.log(...args);
        },
      }),
  })),
  "a memory limit that isn't": ofEngine((engine) => ({
    compile: (extension, context) => engine.compile(extension, { ...context, memoryBytes: 1 << 29 }),
  })),
  "a memory limit under another code": changedFailure((error) =>
    error.code === "ERR_EXT_MEMORY" ? guestError({ name: "RangeError", message: error.message, stack: "" }) : error,
  ),
  "calls that leave something behind": ofInstance((instance) => ({
    invoke(fn, payload, call) {
      leaked.push({ payload: `${payload} ${leaked.length}` });
      return instance.invoke(fn, payload, call);
    },
  })),
  "loads that leave something behind": ofInstance(() => {
    leaked.push(Buffer.alloc(40_000, 1));
    return {};
  }),
  "parallel calls that are not": declaring({ parallel: true }),
  "parallel calls on one and the same thread": (engine, options) => {
    const worker = new Worker(SPINNER, { eval: true });
    worker.unref();
    const waiting = [];
    worker.on("message", (result) => waiting.shift()(String(result)));
    const invoke = (_, payload) =>
      new Promise((resolve) => {
        waiting.push(resolve);
        worker.postMessage(Number(payload));
      });
    const program = { instantiate: () => ({ invoke, close() {} }), close() {} };
    return declaring({ parallel: true })({ ...engine, compile: () => program }, options);
  },
  "synchronous calls that are not": ofModule(() => ({
    invokeSync: () => {
      throw new ExtensionError("ERR_EXT_UNSUPPORTED", "not today");
    },
  })),
  "host functions that nobody granted": ofLoad((source, options) => [
    asking(source, Object.keys(options.hostFunctions ?? {})),
    options,
  ]),
  "host functions that are declared and cannot be called": ofEngine((engine) => ({
    compile: (extension, context) => engine.compile(extension, { ...context, host: undefined }),
  })),
  "host functions that are refused to nobody": (engine, options) => {
    const none = { ...engine, capabilities: { ...engine.capabilities, hostFunctions: false } };
    return ofLoad((source, loadOptions) => [asking(source, []), loadOptions])(none, options);
  },
  "a caller under another name": ofLoad((source, options) => [
    source,
    offering(options, (fn) => (value, context) => fn(value, Object.freeze({ ...context, extension: "somebody" }))),
  ]),
  "a host function that is called twice": ofHost((host) => ({
    call(...args) {
      host.call(...args);
      return host.call(...args);
    },
  })),
  "values for the host in single precision": ofHost((host) => ({
    call: (name, payload, call) =>
      host.call(
        name,
        JSON.stringify(JSON.parse(payload, (_, value) => (typeof value === "number" ? Math.fround(value) : value))),
        call,
      ),
  })),
  "answers of the host that are cut": ofHost((host) => ({
    call: (...args) =>
      answer(host.call(...args), (text) => (text.length > 60_000 ? `${text.slice(0, 60_000)}"` : text)),
  })),
  "answers of the host that are mixed up": ofHost((host) => {
    let waiting;
    return {
      call(...args) {
        const own = host.call(...args);
        if (waiting === undefined)
          return new Promise((resolve) => {
            const me = { own, resolve };
            waiting = me;
            setImmediate(() => {
              if (waiting === me) waiting = undefined;
              resolve(own);
            });
          });
        const other = waiting;
        waiting = undefined;
        other.resolve(own);
        return other.own;
      },
    };
  }),
  "an answer of the host that comes late and to another": ofHost((host) => {
    const late = [];
    return {
      call(...args) {
        if (late.length > 0) return late.shift();
        const own = host.call(...args);
        if (typeof own !== "string") void own.then((text) => late.push(text));
        return own;
      },
    };
  }),
  "a host's error that loses its name": ofHost((host) => ({
    call: (...args) => answer(host.call(...args), (text) => text.replace(/^!\["[^"]*"/, '!["Error"')),
  })),
  "a host's stack that its guest sees": (engine, options) => {
    let stack = "";
    const remember = (fn) => (value, context) => {
      try {
        return fn(value, context);
      } catch (error) {
        if (error?.name === "RangeError") stack = error.stack;
        throw error;
      }
    };
    const runtime = changedFailure((error) =>
      error.guest === undefined ? error : guestError({ ...error.guest, stack: `${error.guest.stack}\n${stack}` }),
    )(engine, options);
    return over(runtime, { load: (source, loadOptions = {}) => runtime.load(source, offering(loadOptions, remember)) });
  },
  "a wait for the host that keeps the thread": ofHost((host) => ({
    call(...args) {
      const own = host.call(...args);
      if (typeof own === "string") return own;
      for (;;);
    },
  })),
  "a wait for the host that nothing ends": ofInstance(() => ({ abort() {} })),
  "one call of the host at a time": ofHost((host) => {
    let last = Promise.resolve();
    return {
      call(...args) {
        last = last.then(() => host.call(...args));
        return last;
      },
    };
  }),
  "one module's host functions for all": (engine, options) => {
    let first;
    const compile = (extension, { host, ...context }) => {
      first ??= host;
      return engine.compile(extension, { ...context, host: host && first });
    };
    return createRuntime({ ...engine, compile }, options);
  },
  "synchronous calls that call no host": ofInstance((instance, { host }) => ({
    invokeSync(...args) {
      if (host !== undefined) throw guestError({ name: "Error", message: "not today", stack: "" });
      return instance.invoke(...args);
    },
  })),
  "calls of the host that leave something behind": ofHost((host) => ({
    call(name, payload, call) {
      leaked.push({ payload: `${payload} ${leaked.length}` });
      return host.call(name, payload, call);
    },
  })),
  "a crash that takes the host along": declaring({ crashIsolation: true, hardSandbox: false }),
  "crash isolation without a process or a guest": declaring({ crashIsolation: true }),
  "an addon that is not there": declaring({ nativeAddon: true }),
  "a language that it does not speak": declaring({ languages: ["toy", "javascript"] }),
  "no language at all": declaring({ languages: [] }),
  "loops in builtins that are not stopped": (engine, options) => {
    const hard = { ...engine, capabilities: { ...engine.capabilities, deadline: "hard", signal: "hard" } };
    return createRuntime(hard, options);
  },
  "arbitrary code that crashes the engine": ofEngine((engine) => ({
    async compile(extension, context) {
      const bytes = await extension.read(extension.manifest.module);
      if (bytes.includes(0xff)) throw new TypeError("cannot read properties of undefined");
      return engine.compile(extension, context);
    },
  })),
  "instances beyond the pool": ofModule((module) => ({
    stats: () => ({ ...module.stats(), instances: 9, instancesCreated: 9 }),
  })),
};
