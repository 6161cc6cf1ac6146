// Ways to lay a lie over an honest engine.
import { createRuntime } from "extruntime/engine";

/** An object with members replaced; methods keep the `this` of the one below. */
export function over(below, members) {
  return new Proxy(below, {
    get(target, key) {
      if (Object.hasOwn(members, key)) return members[key];
      const value = target[key];
      return typeof value === "function" ? value.bind(target) : value;
    },
    set: (target, key, value) => Reflect.set(Object.hasOwn(members, key) ? members : target, key, value),
  });
}

/** About an engine: its parts replaced, then made safe to use as any engine is. */
export const ofEngine = (change) => (engine, options) => createRuntime({ ...engine, ...change(engine) }, options);

export const declaring = (capabilities) =>
  ofEngine((engine) => ({ capabilities: { ...engine.capabilities, ...capabilities } }));

/** About each instance: `change` gets it and gives what is laid over it. */
export const ofInstance = (change) =>
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

/** About each module as its user holds it, past what the core looks after. */
export const ofModule = (change) => (engine, options) =>
  ofRuntime((runtime) => ({
    load: async (source, loadOptions) => {
      const module = await runtime.load(source, loadOptions);
      return over(module, change(module, source, loadOptions));
    },
  }))(engine, options);

/** About the runtime as its user holds it. */
export const ofRuntime = (change) => (engine, options) => {
  const runtime = createRuntime(engine, options);
  return over(runtime, change(runtime));
};

/** About how guests of a module call the host: `change` gets the calls and gives what is laid over them. */
export const ofHost = (change) =>
  ofEngine((engine) => ({
    compile: (extension, { host, ...context }) =>
      engine.compile(extension, { ...context, host: host && over(host, change(host, extension)) }),
  }));

/** A call that fails so fails those of other modules that are under way; of its own module where `own` is set. */
export const failingNeighbours =
  (matches, { own: ownModule = false } = {}) =>
  (engine, options) => {
    const running = new Set();
    return ofModule((module) => {
      const invoke = (...args) => {
        const entry = { module };
        running.add(entry);
        const failed = new Promise((_, reject) => {
          entry.reject = reject;
        });
        const own = module.invoke(...args).catch((error) => {
          if (matches(error))
            for (const other of running) if ((other.module === module) === ownModule) other.reject(error);
          throw error;
        });
        return Promise.race([own, failed]).finally(() => running.delete(entry));
      };
      return {
        invoke,
        call: async (fn, value, rest) => JSON.parse(await invoke(fn, JSON.stringify(value ?? null), rest)),
      };
    })(engine, options);
  };

/** The same, and what it costs the others is what they have counted. */
export const emptyingNeighbours = (matches) => (engine, options) => {
  const modules = new Set();
  return ofModule((module) => {
    const own = { last: 0, lost: 0 };
    modules.add(own);
    const invoke = async (fn, ...args) => {
      try {
        const answer = await module.invoke(fn, ...args);
        if (fn !== "next") return answer;
        own.last = Number(answer);
        return String(own.last - own.lost);
      } catch (error) {
        if (matches(error)) for (const other of modules) other.lost = other.last;
        throw error;
      }
    };
    return {
      invoke,
      call: async (fn, value, rest) => JSON.parse(await invoke(fn, JSON.stringify(value ?? null), rest)),
    };
  })(engine, options);
};
