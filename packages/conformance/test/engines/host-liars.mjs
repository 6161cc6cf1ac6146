// Engines that lie about host functions, crashes and capabilities, made from the honest toy engine.
import { AsyncResource } from "node:async_hooks";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { perCall } from "extruntime";
import { createRuntime, guestError } from "extruntime/engine";
import {
  declaring,
  emptyingNeighbours,
  failingNeighbours,
  ofEngine,
  ofHost,
  ofInstance,
  ofModule,
  ofRuntime,
  over,
} from "./lying.mjs";
import { toyEngine } from "./toy-engine.mjs";

/** The host functions that a load offers, changed. */
const offering = (change) => (engine, options) =>
  ofRuntime((runtime) => ({
    load: (source, { hostFunctions, ...rest } = {}) =>
      runtime.load(source, { ...rest, ...(hostFunctions && { hostFunctions: change(hostFunctions, source) }) }),
  }))(engine, options);

/** The options of each call, changed; `memory` is of all modules. */
const calling = (change) => (engine, options) => {
  const memory = {};
  return ofModule((module) => ({
    invoke: (fn, payload, given = {}) => module.invoke(fn, payload, change(given, memory, module)),
    call: (fn, value, given = {}) => module.call(fn, value, change(given, memory, module)),
  }))(engine, options);
};

/** The options of each call, changed where it has functions of its own. */
const withFunctions = (change) =>
  calling((given, ...rest) => (given.functions ? { ...given, functions: change(given.functions, ...rest) } : given));

/** The context of each call of a host function, changed. */
const telling = (change) =>
  offering((functions) =>
    Object.fromEntries(
      Object.entries(functions).map(([name, fn]) => [
        name,
        (value, context) => fn(value, Object.freeze({ ...context, ...change(context) })),
      ]),
    ),
  );

/** What is told of a guest's error, changed. */
const tellingOfErrors = (change) =>
  ofInstance((instance) => ({
    invoke: (...args) =>
      instance.invoke(...args).catch((error) => {
        throw error.guest ? guestError({ ...error.guest, ...change(error.guest) }) : error;
      }),
  }));

/** What a guest is told of what a host function threw, changed. */
const tellingGuests = (change) => {
  const changed = (answer) => {
    if (answer[0] !== "!") return answer;
    const [name, message, more = {}] = JSON.parse(answer.slice(1));
    return `!${JSON.stringify([name, message, { ...more, ...change(more) }])}`;
  };
  return ofHost((host) => ({
    call(...args) {
      const answer = host.call(...args);
      return typeof answer === "string" ? changed(answer) : answer.then(changed);
    },
  }));
};

const HOST_STACK = new Error("of the host").stack;

const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Engines whose calls run again when their process is gone. */
const again = ofModule((module) => {
  const twice = async (call) => {
    try {
      return await call();
    } catch (error) {
      if (error.code !== "ERR_EXT_CRASHED") throw error;
      await call().catch(() => {});
      throw error;
    }
  };
  return { invoke: (...args) => twice(() => module.invoke(...args)) };
});

/** The same, and the caller never hears of the crash. */
const silently = ofModule((module) => ({
  invoke: (...args) =>
    module.invoke(...args).catch((error) => {
      if (error.code !== "ERR_EXT_CRASHED") throw error;
      return module.invoke(...args);
    }),
}));

/** Two threads, of which the one waits for the other's whole call by spinning. */
const SPINNER = `
  const { parentPort, workerData } = require("node:worker_threads");
  const lock = new Int32Array(workerData);
  parentPort.on("message", (rounds) => {
    while (Atomics.compareExchange(lock, 0, 0, 1) !== 0);
    let x = 1;
    for (let i = 0; i < rounds; i++) x = (x * 48271) % 2147483647;
    Atomics.store(lock, 0, 0);
    parentPort.postMessage(x);
  });
`;
/** The same, but the lock goes to and fro. */
const SPINNER_TO_AND_FRO = `
  const { parentPort, workerData } = require("node:worker_threads");
  const lock = new Int32Array(workerData);
  parentPort.on("message", (rounds) => {
    let x = 1;
    for (let i = 0; i < rounds; ) {
      while (Atomics.compareExchange(lock, 0, 0, 1) !== 0);
      for (const end = Math.min(rounds, i + 20000); i < end; i++) x = (x * 48271) % 2147483647;
      Atomics.store(lock, 0, 0);
      for (let j = 0; j < 200; j++) Atomics.load(lock, 0);
    }
    parentPort.postMessage(x);
  });
`;

const spinning = (code) => (engine, options) => {
  const workerData = new SharedArrayBuffer(4);
  const instantiate = () => {
    const worker = new Worker(code, { eval: true, workerData });
    worker.unref();
    const invoke = (_, payload) =>
      new Promise((resolve) => {
        worker.once("message", (result) => resolve(String(result)));
        worker.postMessage(Number(payload));
      });
    return { invoke, close: () => void worker.terminate() };
  };
  return declaring({ parallel: true })({ ...engine, compile: () => ({ instantiate, close() {} }) }, options);
};

const crashed = ({ code }) => code === "ERR_EXT_CRASHED";

const ADDON = fileURLToPath(new URL("../../../extruntime/build/mapped_file.node", import.meta.url));

const lies = {
  none: createRuntime,
  "names of host functions swapped": ofHost((host) => ({
    call: (name, ...rest) => host.call(host.names.find((other) => other !== name) ?? name, ...rest),
  })),
  "the first host function for all": ofHost((host) => ({ call: (_, ...rest) => host.call(host.names[0], ...rest) })),
  "the last host function for all": ofHost((host) => ({ call: (_, ...rest) => host.call(host.names.at(-1), ...rest) })),
  "another's name in the context, now and then": (engine, options) => {
    let last;
    return offering((functions) =>
      Object.fromEntries(
        Object.entries(functions).map(([name, fn]) => [
          name,
          (value, context) => {
            const other = last ?? context;
            last = context;
            return fn(value, other);
          },
        ]),
      ),
    )(engine, options);
  },
  "answers of two modules swapped": (engine, options) => {
    let waiting;
    return ofHost((host, extension) => ({
      call(...args) {
        const own = host.call(...args);
        if (typeof own === "string" || extension.manifest.name === "call-host") return own;
        if (waiting === undefined || waiting.name === extension.manifest.name) {
          waiting = { own, name: extension.manifest.name };
          return own;
        }
        const other = waiting.own;
        waiting = undefined;
        return other;
      },
    }))(engine, options);
  },
  // As if for a top level: the core itself refuses what is asked for a call that has ended.
  "host functions that run after close": ofHost((host) => ({
    call: async (name, payload) => {
      await later(60);
      return host.call(name, payload, { deadline: Number.POSITIVE_INFINITY, signal: undefined });
    },
  })),
  "calls of the host in the name of another call": ofHost((host) => {
    const calls = [];
    return {
      call(name, payload, call) {
        calls.push(call);
        return host.call(name, payload, calls.find((other) => other !== call && !other.ended) ?? call);
      },
    };
  }),
  "a host function that loses its caller's store": offering((functions) => {
    const elsewhere = new AsyncResource("elsewhere");
    return Object.fromEntries(
      Object.entries(functions).map(([name, fn]) => [name, (...args) => elsewhere.runInAsyncScope(() => fn(...args))]),
    );
  }),
  "a signal that never fires": telling(() => ({ signal: new AbortController().signal })),
  "a signal that fires as soon as it is asked for": telling(() => ({ signal: AbortSignal.abort() })),
  "one number for all calls": telling(() => ({ callId: 1 })),
  "calls without a deadline": telling(() => ({ deadline: Number.POSITIVE_INFINITY })),
  "functions of a call that are not looked at": withFunctions(() => undefined),
  "functions of a call beside those of its module": withFunctions((functions) => ({ "kit.call": true, ...functions })),
  "functions of a call that the next one has too": calling((given, memory, module) => {
    const functions = given.functions ?? memory[module.name];
    memory[module.name] = given.functions;
    return { ...given, functions };
  }),
  "functions of a call for other modules too": calling((given, memory, module) => {
    const { by, functions } = memory;
    Object.assign(memory, { by: module, functions: given.functions });
    return by === module ? given : { ...given, functions: given.functions ?? functions };
  }),
  "functions that no manifest asks for": ofRuntime((runtime) => ({
    load: ({ manifest, files }, rest) => {
      const permissions = manifest.permissions && [...manifest.permissions, "kit.call"];
      return runtime.load(
        { manifest: { ...manifest, permissions: [...new Set(permissions)] }, files },
        { ...rest, hostFunctions: { "kit.call": perCall, ...rest?.hostFunctions } },
      );
    },
  })),
  "an instance for one run after the other": ofRuntime((runtime) => ({
    load: (source, { fresh, ...rest } = {}) => runtime.load(source, rest),
  })),
  "runs that answer from the last one": calling((given, memory, module) => {
    const functions = given.functions ?? {};
    memory[module.name] ??= functions;
    return { ...given, functions: memory[module.name] };
  }),
  "lines in the name of the call before": ofEngine((engine) => ({
    compile(extension, context) {
      let before;
      const log = (level, message, call) => {
        context.log(level, message, before ?? call);
        before = call;
      };
      return engine.compile(extension, { ...context, log });
    },
  })),
  "a guest's error without its code": tellingOfErrors(() => ({ code: undefined })),
  "a guest's error with the data before": (engine, options) => {
    let before;
    return tellingOfErrors(({ data }) => {
      const told = { data: before ?? data };
      before = data;
      return told;
    })(engine, options);
  },
  "a guest's error whose cause has none": tellingOfErrors(({ cause }) => ({ cause: { ...cause, cause: undefined } })),
  "a guest's error with one of its parts": tellingOfErrors(({ errors }) => ({ errors: errors?.slice(0, 1) })),
  "a guest's error whose cause has the host's stack": tellingOfErrors(({ cause }) => ({
    cause: { ...cause, stack: HOST_STACK },
  })),
  "a host's error without its code": tellingGuests(() => ({ code: undefined })),
  "a host's error whose cause has none": tellingGuests(({ cause }) => ({
    cause: { ...cause, cause: { message: "" } },
  })),
  "a host's error whose parts have the host's stack": tellingGuests(({ errors }) => ({
    errors: errors?.map((each) => ({ ...each, stack: HOST_STACK })),
  })),
  "a crashed call that runs again": again,
  "a crashed call that runs again and answers": silently,
  "a crash that fails the calls of neighbours": failingNeighbours(crashed),
  "a crash that costs neighbours their state": emptyingNeighbours(crashed),
  "a call that reads its value later": ofModule((module) => ({
    call: async (fn, value, options) => {
      await later(0);
      return module.call(fn, value, options);
    },
  })),
  "an answer that is the object that was sent": ofModule((module) => ({
    call: async (fn, value, options) => {
      const answer = await module.call(fn, value, options);
      return JSON.stringify(answer) === JSON.stringify(value) ? value : answer;
    },
  })),
  "one object as the answer of equal calls": (engine, options) => {
    const answers = new Map();
    return ofModule((module) => ({
      call: async (fn, value, rest) => {
        const answer = await module.call(fn, value, rest);
        const key = JSON.stringify([module.name, fn, answer]);
        if (!answers.has(key)) answers.set(key, answer);
        return answers.get(key);
      },
    }))(engine, options);
  },
  "host functions whose answer is read later": offering((functions) =>
    Object.fromEntries(
      Object.entries(functions).map(([name, fn]) => [
        name,
        async (value, context) => {
          const answer = fn(value, context);
          await later(5);
          return answer;
        },
      ]),
    ),
  ),
  "a timed out call that runs again": ofModule((module) => ({
    invoke: (...args) =>
      module.invoke(...args).catch(async (error) => {
        if (error.code === "ERR_EXT_TIMEOUT") await module.invoke(...args).catch(() => {});
        throw error;
      }),
  })),
  "a module with another manifest": ofModule(({ manifest }) => ({ manifest: { ...manifest, exports: ["other"] } })),
  "a module with the limits of its manifest alone": ofModule(({ limits, manifest }) => ({
    limits: Object.freeze({ ...limits, ...manifest.limits }),
  })),
  "a module with limits that can be changed": ofModule(({ limits }) => ({ limits: { ...limits } })),
  "a module that promises more than its engine": ofModule(({ capabilities }) => ({
    capabilities: Object.freeze({ ...capabilities, crashIsolation: true }),
  })),
  "capabilitiesAt that says less": ofRuntime((runtime) => ({
    capabilitiesAt: (placement) => Object.freeze({ ...runtime.capabilitiesAt(placement), hardSandbox: false }),
  })),
  "capabilitiesAt that promises what is refused": ofRuntime((runtime) => ({
    capabilitiesAt: (placement) => {
      const own = runtime.capabilitiesAt(placement);
      return placement === runtime.placement ? own : Object.freeze({ ...own, sync: true });
    },
  })),
  "a synchronous call on another instance": ofEngine((engine) => ({
    capabilities: { ...engine.capabilities, sync: true },
    async compile(extension, context) {
      const program = await engine.compile(extension, context);
      const synchronous = await toyEngine({ slices: false }).compile(extension, context);
      return over(program, {
        instantiate(call) {
          const other = synchronous.instantiate(call);
          return over(program.instantiate(call), { invokeSync: (...args) => other.invoke(...args) });
        },
      });
    },
  })),
  "an addon under another name": ofInstance(() => {
    const folder = mkdtempSync(join(tmpdir(), "extruntime-addon-"));
    copyFileSync(ADDON, join(folder, "data.bin"));
    process.dlopen({ exports: {} }, join(folder, "data.bin"));
    rmSync(folder, { recursive: true });
    return {};
  }),
  "parallel by two threads that spin on one lock": spinning(SPINNER),
  "parallel by two threads that hand a lock to and fro": spinning(SPINNER_TO_AND_FRO),
};

/** The toy engine by its address, so that it can be placed. In a process it is no sandbox: its guests can crash it. */
export function placedToy({ slices }) {
  const engine = toyEngine({ slices });
  const capabilities = { ...engine.capabilities, hardSandbox: slices };
  return { ...engine, capabilities, origin: { module: import.meta.url, export: "placedToy", options: { slices } } };
}

export const hostLiar = ({ lie, ...options }) =>
  lies[lie](placedToy({ slices: options.placement === "inline" }), options);
