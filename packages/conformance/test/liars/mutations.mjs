// What a liar says. A mutation belongs to a site, which is one thing that a user of a module sees, and gives what is said in its place. What it gives
// unchanged was no lie: `undefined` for "as it is".
import { ExtensionError } from "extruntime/engine";

const json = (text) => JSON.parse(text);
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** An answer's text. `memory` has what was said before: by this module, and by others. */
export const ANSWERS = {
  "the answer before": (_, { memory }) => memory.own.answer,
  "another module's answer": (_, { memory }) => memory.others.answer,
  null: () => "null",
  "its payload": (_, { payload }) => payload,
  "cut at its end": (text) => cutValue(text),
  "off by one": (text) => (typeof json(text) === "number" ? String(json(text) + 1) : undefined),
  "in single precision": (text) => (typeof json(text) === "number" ? String(Math.fround(json(text))) : undefined),
  "without its last key": (text) => {
    const value = json(text);
    return isObject(value) ? JSON.stringify(Object.fromEntries(Object.entries(value).slice(0, -1))) : undefined;
  },
  "with a key more": (text) => (isObject(json(text)) ? JSON.stringify({ ...json(text), "": 0 }) : undefined),
  "twice as long": (text) => (typeof json(text) === "string" ? JSON.stringify(json(text).repeat(2)) : undefined),
  "as text": (text) => JSON.stringify(text),
  "no JSON": (text) => `${text}}`,
  "an error": () => {
    throw new ExtensionError("ERR_EXT_GUEST", "not today", {
      guest: { name: "Error", message: "not today", stack: "" },
    });
  },
  "an error that has no code": () => {
    throw new Error("not today");
  },
};

function cutValue(text) {
  const value = json(text);
  if (typeof value === "string") return JSON.stringify(value.slice(0, -1));
  return Array.isArray(value) ? JSON.stringify(value.slice(0, -1)) : undefined;
}

/** Another error in the place of one, with members changed. */
const remade = (change) => (error, event) => {
  if (!ExtensionError.is(error)) return undefined;
  const is = {
    code: error.code,
    message: error.message,
    extension: error.extension,
    function: error.function,
    guest: error.guest,
    cause: error.cause,
  };
  const wanted = change(is, event);
  if (wanted === undefined) return undefined;
  const { code, message, ...options } = { ...is, ...wanted };
  const made = new ExtensionError(code, message, options);
  made.stack = error.stack;
  return made;
};
const ofGuest = (change) =>
  remade((is, event) => {
    const guest = is.guest && change(is.guest, event);
    // What says the same was no lie.
    const changes = guest && Object.keys(guest).some((key) => guest[key] !== is.guest[key]);
    return changes ? { guest: { ...is.guest, ...guest } } : undefined;
  });
const HOST_FRAME = `    at ToyInstance.invoke (${new URL("./liar.mjs", import.meta.url).pathname}:60:23)`;

/** A call on its way down: `fn`, `payload` and `options`. What it is given is what is asked of the honest module in its place. */
export const CALLS_DOWN = {
  "without their limit of time": (call) => withTime(call, () => undefined),
  "with half of their time": (call) => withTime(call, (ms) => ms / 2),
  "without their signal": (call) => withOptions(call, "signal", () => undefined),
  "with the signal before": (call, { memory }) => {
    const before = memory.own.signal;
    memory.own.signal = call.options?.signal ?? before;
    return before && before !== call.options?.signal ? withOptions(call, "signal", () => before) : undefined;
  },
  "of another function": (call, { module }) => {
    const other = module.exports.find((each) => each !== call.fn);
    return other && { ...call, fn: other };
  },
  "with the payload before": (call, { memory }) => {
    const before = memory.own.sent;
    memory.own.sent = call.payload;
    return before === undefined || before === call.payload ? undefined : { ...call, payload: before };
  },
  "that are made twice": (call) => ({ ...call, twice: true }),
  "that are put off": (call, { memory }) => {
    memory.own.put = !memory.own.put;
    return memory.own.put ? { ...call, late: true } : undefined;
  },
  "that let what is no JSON through": (call) => {
    try {
      JSON.parse(call.payload);
      return undefined;
    } catch {
      return { ...call, payload: "null" };
    }
  },
  "of functions that nobody exported": (call, { module }) =>
    module.exports.includes(call.fn) ? undefined : { ...call, fn: module.exports[0] },
  "though it is closed": (_, { module }) => (module.raw?.closed ? { answer: "null" } : undefined),
};

/** A limit that is never up is nothing to lie about. */
function withTime(call, change) {
  return call.options?.timeoutMs > 60_000 ? undefined : withOptions(call, "timeoutMs", change);
}

function withOptions(call, key, change) {
  if (call.options?.[key] === undefined) return undefined;
  const { [key]: before, ...others } = call.options;
  const value = change(before);
  return { ...call, options: value === undefined ? others : { ...others, [key]: value } };
}

/** An error of a call. */
export const ERRORS = {
  "of another code": remade(({ code }) => ({ code: code === "ERR_EXT_CRASHED" ? "ERR_EXT_GUEST" : "ERR_EXT_CRASHED" })),
  "under the guest's code": remade(({ code }) => (code === "ERR_EXT_GUEST" ? undefined : { code: "ERR_EXT_GUEST" })),
  "that names another function": remade((_, { module, fn }) => ({
    function: module.exports.find((each) => each !== fn) ?? "another",
  })),
  "that names no function": remade(() => ({ function: undefined })),
  "that names the function before": remade((_, { memory, fn }) =>
    memory.runtime.fn === fn ? undefined : { function: memory.runtime.fn },
  ),
  "that names another extension": remade(() => ({ extension: "another" })),
  "that names no extension": remade(() => ({ extension: undefined })),
  "that names the extension before": remade((_, { memory, module }) =>
    memory.runtime.name === module.name ? undefined : { extension: memory.runtime.name },
  ),
  "without a message": remade(() => ({ message: "" })),
  "with its message cut": remade(({ message }) => ({ message: message.slice(0, -1) })),
  "with a message that names nothing": remade(
    ({ message, guest }) => guest && { message: message.slice(message.indexOf(guest.name)) },
  ),
  "with the message before": (error, { memory }) =>
    remade(() => memory.own.error && { message: memory.own.error.message })(error),
  "that is the one before": (_, { memory }) => memory.own.error,
  "that is another module's": (_, { memory }) => memory.others.error,
  "that is another module's guest's": (error, { memory }) => ofGuest(() => memory.others.error?.guest)(error),
  "without a guest": remade(({ guest }) => guest && { guest: undefined }),
  "with a guest that threw nothing": remade(({ guest }) =>
    guest ? undefined : { guest: { name: "Error", message: "", stack: "" } },
  ),
  "without the guest's name": ofGuest(() => ({ name: "Error" })),
  "without the guest's message": ofGuest(() => ({ message: "" })),
  "with the guest's message cut": ofGuest(({ message }) => ({ message: message.slice(0, -1) })),
  "with the guest's message before": ofGuest(
    (_, { memory }) => memory.own.error?.guest && { message: memory.own.error.guest.message },
  ),
  "with the guest's message trimmed": ofGuest(({ message }) => ({ message: message.replace(/\s+/g, " ").trim() })),
  "with the guest's message of 200 characters": ofGuest(({ message }) => ({ message: message.slice(0, 200) })),
  "with the guest's message of ASCII": ofGuest(({ message }) => ({ message: message.replaceAll(/[^ -~]/g, "?") })),
  "with the guest's message in NFC": ofGuest(({ message }) => ({ message: message.normalize("NFC") })),
  "without the guest's stack": ofGuest(() => ({ stack: "" })),
  "with the guest's stack in another file": ofGuest(({ stack }) => ({
    stack: stack.replaceAll(/guest[.\w]*/g, "eval"),
  })),
  "with the guest's stack without lines": ofGuest(({ stack }) => ({ stack: stack.replaceAll(/\d+/g, "") })),
  "with frames of the host in the guest's stack": ofGuest(({ stack }) => ({ stack: `${stack}\n${HOST_FRAME}` })),
  "with frames of Node in the guest's stack": ofGuest(({ stack }) => ({
    stack: `${stack}\n    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)`,
  })),
  "without a stack": (error) => Object.assign(remade(() => ({}))(error) ?? new Error(), { stack: "" }),
  "with a stack that has another message": (error) =>
    Object.assign(remade(() => ({}))(error) ?? new Error(), {
      stack: String(error.stack).replace(error.message, "another"),
    }),
  "that is no ExtensionError": (error) =>
    Object.assign(new Error(error.message), {
      code: error.code,
      extension: error.extension,
      function: error.function,
      guest: error.guest,
    }),
  "under another name": (error) =>
    Object.defineProperty(remade(() => ({}))(error) ?? new Error(), "name", { value: "Error" }),
  "that is a string": (error) => String(error),
  "that is an answer": () => ({ answer: "null" }),
};

export function withoutColours(text) {
  const [first, ...others] = text.split("\u001b");
  return first + others.map((part) => part.replace(/^\[\d+m/, "")).join("");
}

/** A line of the log: `level`, `message`, `fields`, and the `logger` that gets it. Several lines in the place of one are a list. */
export const LINES = {
  "that are swallowed": () => [],
  "that are doubled": (line) => [line, line],
  "that are cut": (line) => [{ ...line, message: line.message.slice(0, -1) }],
  "that are empty": (line) => [{ ...line, message: "" }],
  "that have a line end": (line) => [{ ...line, message: `${line.message}\n` }],
  "that are trimmed": (line) =>
    line.message.trim() === line.message ? undefined : [{ ...line, message: line.message.trim() }],
  "of ASCII": (line) =>
    /^[ -~]*$/.test(line.message) ? undefined : [{ ...line, message: line.message.replaceAll(/[^ -~]/g, "?") }],
  "without tabs": (line) =>
    line.message.includes("\t") ? [{ ...line, message: line.message.replaceAll("\t", " ") }] : undefined,
  "without colours": (line) =>
    line.message.includes("\u001b") ? [{ ...line, message: withoutColours(line.message) }] : undefined,
  "of 1,000 characters": (line) =>
    line.message.length > 1000 ? [{ ...line, message: line.message.slice(0, 1000) }] : undefined,
  "of the line before": (line, { memory }) => memory.own.line && [{ ...line, message: memory.own.line.message }],
  "of another module": (line, { memory }) => memory.others.line && [{ ...line, message: memory.others.line.message }],
  "of another level": (line) => [{ ...line, level: line.level === "debug" ? "info" : "debug" }],
  "of the level of errors": (line) => (line.level === "error" ? undefined : [{ ...line, level: "error" }]),
  "that name another extension": (line) => [{ ...line, fields: { ...line.fields, extension: "another" } }],
  "that name the extension before": (line, { memory, module }) =>
    memory.runtime.lineOf === undefined || memory.runtime.lineOf === module.name
      ? undefined
      : [{ ...line, fields: { ...line.fields, extension: memory.runtime.lineOf } }],
  "that name another runtime": (line) => [{ ...line, fields: { ...line.fields, runtime: "another" } }],
  "that name nothing": (line) => [{ ...line, fields: {} }],
  "with a field more": (line) => [{ ...line, fields: { ...line.fields, level: line.level } }],
  "at another's logger": (line, { memory }) =>
    memory.others.line && memory.others.line.logger !== line.logger
      ? [{ ...line, logger: memory.others.line.logger }]
      : undefined,
  "that wait for the next": (line, { memory }) => {
    if (memory.own.held !== undefined) {
      const held = memory.own.held;
      memory.own.held = undefined;
      return [line, held];
    }
    memory.own.held = line;
    return [];
  },
};

/** A call of a host function: what it gets, who calls, and what comes back. */
export const HOST_CALLS = {
  "get another value": (call) => ({ ...call, value: typeof call.value === "number" ? call.value + 1 : null }),
  "get the value before": (call, { memory }) =>
    memory.own.host === undefined ? undefined : { ...call, value: memory.own.host.value },
  "are told of another extension": (call) => ({
    ...call,
    context: Object.freeze({ ...call.context, extension: "another" }),
  }),
  "are told of another name": (call) => ({ ...call, context: Object.freeze({ ...call.context, name: "kit.another" }) }),
  "are told of the extension before": (call, { memory, module }) =>
    memory.runtime.hostOf === undefined || memory.runtime.hostOf === module.name
      ? undefined
      : { ...call, context: Object.freeze({ ...call.context, extension: memory.runtime.hostOf }) },
  "are made twice": (call) => ({ ...call, twice: true }),
  "are not made": (call) => ({ ...call, not: true }),
  "give the answer before": (call, { memory }) =>
    memory.own.given === undefined ? undefined : { ...call, answered: () => memory.own.given.value },
  "give another module's answer": (call, { memory }) =>
    memory.others.given === undefined ? undefined : { ...call, answered: () => memory.others.given.value },
  "give null": (call) => ({ ...call, answered: () => null }),
};

/** What a host function throws, as the guest gets it. */
export const HOST_FAILURES = {
  "of another name": (error) => new Error(error.message),
  "of another message": (error) => Object.assign(new Error("failed"), { name: error.name }),
  "with the message cut": (error) => Object.assign(new Error(error.message.slice(0, -1)), { name: error.name }),
  "of the message before": (_, { memory }) =>
    memory.own.hostFailure &&
    Object.assign(new Error(memory.own.hostFailure.message), { name: memory.own.hostFailure.name }),
  "of another module": (_, { memory }) =>
    memory.others.hostFailure &&
    Object.assign(new Error(memory.others.hostFailure.message), { name: memory.others.hostFailure.name }),
};

/** Members of a module. */
export const MEMBERS = {
  "of another name": () => ({ name: "another" }),
  "of another version": () => ({ version: "9.9.9" }),
  "of another runtime": () => ({ runtime: "another" }),
  "of other exports": ({ exports }) => ({ exports: [...exports, "another"] }),
  "of exports in another order": ({ exports }) =>
    exports.length > 1 ? { exports: [...exports].reverse() } : undefined,
  "of another placement": () => ({ placement: "elsewhere" }),
  "that say they are closed": () => ({ closed: true }),
  "that say they are open": () => ({ closed: false }),
  ...Object.fromEntries(
    ["calls", "failures", "timeouts", "running", "queued", "instances", "instancesCreated"].map((key) => [
      `that count one more of ${key}`,
      (module) => ({ stats: () => ({ ...module.stats(), [key]: module.stats()[key] + 1 }) }),
    ]),
  ),
  "that count no failures": (module) => ({ stats: () => ({ ...module.stats(), failures: 0 }) }),
  "that count no timeouts": (module) => ({ stats: () => ({ ...module.stats(), timeouts: 0 }) }),
  "that count no calls that fail": (module) => ({
    stats: () => ({ ...module.stats(), calls: module.stats().calls - module.stats().failures }),
  }),
  "that always have an instance": (module) => ({
    stats: () => ({ ...module.stats(), instances: Math.max(1, module.stats().instances) }),
  }),
};

/** Closing a module: `close(options)` is its own. */
export const CLOSES = {
  "that are done before the calls are": (close, options) => {
    void close(options);
    return Promise.resolve();
  },
  "that are done when half of the calls are": async (close, options, { module }) => {
    const closed = close(options);
    const half = module.underWay / 2;
    while (module.underWay > half) await new Promise((resolve) => setImmediate(resolve));
    void closed;
  },
  "that abort": (close, options) => close({ ...options, abort: true }),
  "that never abort": (close, options) => (options?.abort ? close({}) : undefined),
  "that fail": async (close, options) => {
    await close(options);
    throw new Error("it did not close");
  },
  "that do nothing": () => Promise.resolve(),
  "that never end": (close, options) => {
    void close(options);
    return new Promise(() => {});
  },
  "that close the others": async (close, options, { runtime, module }) => {
    await Promise.all([...runtime.modules].filter((each) => each !== module.raw).map((each) => each.close()));
    return close(options);
  },
  "that fail when they come again": (_close, _options, { again }) =>
    again ? Promise.reject(new Error("it is closed")) : undefined,
  "that are done at once when they come again": (_close, _options, { again }) =>
    again ? Promise.resolve() : undefined,
};

/** Those that both have, where they differ. */
function withLimits(load, choose) {
  const own = load.options?.limits;
  if (own === undefined) return undefined;
  const limits = Object.fromEntries(Object.entries(own).map(([key, value]) => [key, choose(key, value) ?? value]));
  const changes = Object.keys(own).some((key) => own[key] !== limits[key]);
  return changes ? { ...load, options: { ...load.options, limits } } : undefined;
}

/** Loading: `source` and `options`, and what becomes of the module or of the failure. */
export const LOADS = {
  "without the limit of the pool": (load) => ({ ...load, options: without(load.options, "maxInstances") }),
  "without the limit of the queue": (load) => ({ ...load, options: without(load.options, "maxQueue") }),
  "without the limit of time": (load) => ({
    ...load,
    options: without(without(load.options, "timeoutMs"), "loadTimeoutMs"),
  }),
  "without the limit of memory": (load) => ({ ...load, options: without(load.options, "memoryMb") }),
  "without the manifest's limits": (load) =>
    ofManifest(load, (manifest) => (manifest.limits ? { limits: undefined } : undefined)),
  "with the manifest's limits before the host's": (load) =>
    ofManifest(load, (manifest) => (manifest.limits && load.options?.limits ? { limits: undefined } : undefined), {
      limits: { ...load.options?.limits, ...manifestOf(load)?.limits },
    }),
  "without the logger": (load) =>
    load.options?.logger ? { ...load, options: { ...load.options, logger: undefined } } : undefined,
  "with the first logger": (load, { runtime }) =>
    load.options?.logger && runtime.firstLogger && runtime.firstLogger !== load.options.logger
      ? { ...load, options: { ...load.options, logger: runtime.firstLogger } }
      : undefined,
  "with the first host functions": (load, { runtime }) =>
    load.options?.hostFunctions && runtime.firstHost && runtime.firstHost !== load.options.hostFunctions
      ? {
          ...load,
          options: { ...load.options, hostFunctions: { ...load.options.hostFunctions, ...runtime.firstHost } },
        }
      : undefined,
  "without the budget": (load) =>
    load.options?.budget ? { ...load, options: { ...load.options, budget: undefined } } : undefined,
  "at once though lazy": (load) =>
    load.options?.lazy ? { ...load, options: { ...load.options, lazy: false } } : undefined,
  "lazily though not": (load) =>
    load.options?.lazy ? undefined : { ...load, options: { ...load.options, lazy: true } },
  "without the version": (load) =>
    ofManifest(load, (manifest) => (manifest.version ? { version: undefined } : undefined)),
  "with the code of the first of its name": (load, { runtime }) => {
    const name = manifestOf(load)?.name;
    const before = runtime.files.get(name);
    return before && before !== load.source.files ? { ...load, source: { ...load.source, files: before } } : undefined;
  },
  "with the module of the first of its name": (load, { runtime }) => {
    const before = runtime.loaded.get(manifestOf(load)?.name);
    return before && !before.closed ? { ...load, gives: before } : undefined;
  },
  "that forgive what the manifest lacks": (load) => ({
    ...load,
    fails: (error, honest) => (error.code === "ERR_EXT_BAD_MANIFEST" ? honest() : undefined),
  }),
  "that fail with another code": (load) => ({
    ...load,
    fails: (error) =>
      new ExtensionError(error.code === "ERR_EXT_CRASHED" ? "ERR_EXT_GUEST" : "ERR_EXT_CRASHED", error.message, {
        extension: error.extension,
        guest: error.guest,
      }),
  }),
  "that fail without a name": (load) => ({
    ...load,
    fails: (error) =>
      error.extension === undefined ? undefined : new ExtensionError(error.code, error.message, { guest: error.guest }),
  }),
  "that fail without the guest": (load) => ({
    ...load,
    fails: (error) =>
      error.guest === undefined
        ? undefined
        : new ExtensionError(error.code, error.message, { extension: error.extension }),
  }),
  "that fail under another's name": (load) => ({
    ...load,
    fails: (error) =>
      error.extension === undefined
        ? undefined
        : new ExtensionError(error.code, error.message, { extension: "another", guest: error.guest }),
  }),
  "that fail with the guest's name lost": (load) => ({
    ...load,
    fails: (error) =>
      error.guest &&
      new ExtensionError(error.code, error.message, {
        extension: error.extension,
        guest: { ...error.guest, name: "Error" },
      }),
  }),
  "that fail with the guest's message lost": (load) => ({
    ...load,
    fails: (error) =>
      error.guest &&
      new ExtensionError(error.code, error.message, {
        extension: error.extension,
        guest: { ...error.guest, message: "" },
      }),
  }),
  "that fail though nothing is wrong": (load) => ({ ...load, refuses: true }),
  "with the limits of the first": (load, { runtime }) => withLimits(load, (key) => runtime.firstLimits?.[key]),
  "with the widest limits": (load, { runtime }) =>
    withLimits(load, (key, own) => Math.max(own, runtime.widestLimits[key] ?? 0)),
  "with the limits of the last": (load, { runtime }) => withLimits(load, (key) => runtime.lastLimits?.[key]),
};

function without(options, key) {
  if (options?.limits?.[key] === undefined) return options;
  const { [key]: _, ...limits } = options.limits;
  return { ...options, limits };
}

function manifestOf({ source }) {
  return typeof source === "object" && typeof source.manifest === "object" ? source.manifest : undefined;
}

function ofManifest(load, change, options = {}) {
  const manifest = manifestOf(load);
  const changed = manifest && change(manifest);
  return (
    changed && {
      ...load,
      source: { ...load.source, manifest: JSON.parse(JSON.stringify({ ...manifest, ...changed })) },
      options: { ...load.options, ...options },
    }
  );
}

/** How an instance runs a call: `run()` is the honest way. Below the core, so nothing but the guest's state and what it calls shows it. */
export const RUNS = {
  twice: (run) => {
    const first = run();
    if (typeof first !== "string") first.catch(() => {});
    return run();
  },
  "again where they fail": (run) => {
    try {
      const result = run();
      return typeof result === "string" ? result : result.catch(() => run());
    } catch {
      return run();
    }
  },
  "in a state that is new": (run, instance) => {
    instance.state.count = 0;
    return run();
  },
  "in a state that is everybody's": (run, instance, _, { shared }) => {
    instance.state = shared;
    return run();
  },
  "in the state of the one before": (run, instance, _, { memory }) => {
    if (memory.state !== undefined && memory.state !== instance.state) instance.state = memory.state;
    memory.state = instance.state;
    return run();
  },
  "with the payload before": (run, _instance, args, { memory }) => {
    const before = memory.payload;
    memory.payload = args[1];
    return before === undefined ? run() : run(args[0], before);
  },
  "with payloads that are let through": (run, _instance, [fn, payload]) => {
    try {
      JSON.parse(payload);
      return undefined;
    } catch {
      return run(fn, "null");
    }
  },
};
