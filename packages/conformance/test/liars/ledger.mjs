// What a liar knows of what went through it: it decides by that whether to lie, and says things again that were said before.

export class Ledger {
  lie;
  onEvent;
  #onTold;
  /** When there last was an occasion of each kind. */
  #last = new Map();
  /** Last things said: by kind, with the module that they were about, newest first. */
  #said = new Map();
  memory = {};
  runtime = {
    closed: 0,
    failed: 0,
    timedOut: 0,
    open: 0,
    underWay: 0,
    counts: {},
    modules: new Set(),
    files: new Map(),
    loaded: new Map(),
    names: new Set(),
    widestLimits: {},
    made: 0,
    memory: {},
    asModule() {
      return {
        ...NOBODY,
        underWay: this.underWay,
        failed: this.failed,
        timedOut: this.timedOut,
        counts: this.counts,
        memory: {},
      };
    },
  };

  constructor(lie, onTold, onEvent) {
    this.lie = lie;
    this.onEvent = onEvent;
    this.#onTold = onTold;
  }

  /** Facts of a module that is about to be loaded. */
  module(source, options) {
    const { name } = typeof source === "object" && typeof source.manifest === "object" ? source.manifest : {};
    const reloaded = name !== undefined && this.runtime.names.has(name);
    return {
      ...NOBODY,
      name,
      index: this.runtime.made++,
      reloaded,
      logged: options?.logger !== undefined,
      hosted: options?.hostFunctions !== undefined,
      lazy: options?.lazy === true,
      pool: options?.limits?.maxInstances,
      inMemory: typeof source === "object" && !(source instanceof URL),
      counts: {},
      memory: {},
    };
  }

  loaded(module, source, options) {
    const { runtime } = this;
    module.name = module.raw.name;
    module.exports = module.raw.exports;
    module.reloaded ||= runtime.names.has(module.name);
    runtime.names.add(module.name);
    runtime.open++;
    runtime.modules.add(module.raw);
    if (!runtime.loaded.has(module.name)) runtime.loaded.set(module.name, module.raw);
    if (source?.files !== undefined && !runtime.files.has(module.name)) runtime.files.set(module.name, source.files);
    runtime.firstLogger ??= options?.logger;
    runtime.firstLimits ??= options?.limits;
    runtime.lastLimits = options?.limits ?? runtime.lastLimits;
    for (const [key, value] of Object.entries(options?.limits ?? {}))
      runtime.widestLimits[key] = Math.max(value, runtime.widestLimits[key] ?? 0);
    runtime.firstHost ??= options?.hostFunctions;
  }

  /** Counts an event, and has the lie told if it is of its kind and its time has come. `undefined` where the truth is to be said. */
  tell(site, event, mutate) {
    const { lie, runtime } = this;
    const { module } = event;
    module.counts[site] = (module.counts[site] ?? 0) + 1;
    runtime.counts[site] = (runtime.counts[site] ?? 0) + 1;
    const now = performance.now();
    const rest = now - (this.#last.get(site) ?? now);
    this.#last.set(site, now);
    if (this.onEvent === undefined && lie?.site !== site) return undefined;
    const whole = {
      n: event.module.counts[site],
      inRuntime: runtime.counts[site],
      overlapping: module.underWay,
      elsewhere: runtime.underWay - module.underWay,
      rest,
      runtime,
      ...event,
      memory: {
        ...this.memory,
        own: module.memory,
        others: this.others(module),
        runtime: runtime.memory,
        ...event.memory,
      },
    };
    this.onEvent?.(site, whole);
    if (lie?.site !== site || !lie.when(whole)) return undefined;
    const said = mutate(lie.mutate, whole);
    if (said !== undefined) this.#onTold();
    return said;
  }

  said(module, kind, value) {
    module.memory[kind] = value;
    const list = this.#said.get(kind) ?? [];
    this.#said.set(kind, [{ module, value }, ...list.filter((each) => each.module !== module)].slice(0, 2));
  }

  others(module) {
    const about = (kind) => this.#said.get(kind)?.find((each) => each.module !== module)?.value;
    return {
      get answer() {
        return about("answer");
      },
      get error() {
        return about("error");
      },
      get line() {
        return about("line");
      },
      get hostFailure() {
        return about("hostFailure");
      },
      get given() {
        return about("given");
      },
    };
  }

  failed(module, error) {
    module.lastFailed = true;
    module.failed++;
    this.runtime.failed++;
    if (error?.code !== "ERR_EXT_TIMEOUT") return;
    module.timedOut++;
    this.runtime.timedOut++;
  }

  logger(logger, module) {
    if (logger === undefined) return {};
    const at = (level) => (message, fields) => {
      const line = { level, message, fields, logger };
      const lines = this.tell("lines", { module, size: message.length }, (mutate, event) => mutate(line, event)) ?? [
        line,
      ];
      this.said(module, "line", line);
      this.runtime.memory.lineOf = module.name;
      for (const each of lines) each.logger[each.level]?.(each.message, each.fields);
    };
    return { logger: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") } };
  }

  hostFunctions(functions, module) {
    if (functions === undefined) return {};
    const lying = ([name, fn]) => [
      name,
      typeof fn === "function" ? (value, context) => this.#hostCall(fn, value, context, module) : fn,
    ];
    return { hostFunctions: Object.fromEntries(Object.entries(functions).map(lying)) };
  }

  #hostCall(fn, value, context, module) {
    const honest = { value, context };
    const size = (JSON.stringify(value) ?? "").length;
    const told = this.tell("host calls", { module, size, value }, (mutate, event) => mutate(honest, event)) ?? honest;
    this.said(module, "host", { value });
    this.runtime.memory.hostOf = module.name;
    const given = (answer) => {
      const said = told.answered === undefined ? answer : told.answered(answer);
      this.said(module, "given", { value: answer });
      return said;
    };
    const failed = (error) => {
      const said = this.tell("host failures", { module, size }, (mutate, event) => mutate(error, event)) ?? error;
      this.said(module, "hostFailure", error);
      throw said;
    };
    if (told.not) return null;
    let answer;
    try {
      if (told.twice) void Promise.resolve(fn(told.value, told.context)).catch(() => {});
      answer = fn(told.value, told.context);
    } catch (error) {
      return failed(error);
    }
    return typeof answer?.then === "function" ? answer.then(given, failed) : given(answer);
  }
}

const NOBODY = {
  name: undefined,
  index: -1,
  exports: [],
  underWay: 0,
  failed: 0,
  timedOut: 0,
  lastFailed: false,
  reloaded: false,
  logged: false,
  hosted: false,
  lazy: false,
  pool: undefined,
  inMemory: false,
};
