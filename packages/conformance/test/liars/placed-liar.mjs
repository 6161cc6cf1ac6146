// Liars that lie in a thread or in a process only: below the placement, where the core of the host does not reach.
import { isMainThread } from "node:worker_threads";
import { createRuntime } from "extruntime/engine";
import { toyEngine } from "../engines/toy-engine.mjs";

/** `lie` is a name of those below; without one it is honest. It is told where it is placed, and nowhere else. */
export function placedLiar({ lie, placement = "inline", ...options }) {
  return createRuntime(placedEngine({ lie, placement }), { placement, ...options });
}

/** Made again in each worker. */
export function placedEngine({ lie, placement }) {
  const engine = toyEngine();
  const origin = { module: import.meta.url, export: "placedEngine", options: { lie, placement }, threadAbort: "hard" };
  const here = placement === "thread" ? !isMainThread : process.send === undefined && isMainThread;
  return { ...engine, origin, ...(here && lie !== undefined ? LIES[lie](engine) : {}) };
}

const ofInstance = (change) => (engine) => ({
  async compile(extension, context) {
    const program = await engine.compile(extension, context);
    const lay = (instance) =>
      new Proxy(instance, {
        get(target, key) {
          if (key === "invoke") return change(target);
          const value = target[key];
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
    return {
      close: () => program.close(),
      instantiate(call) {
        const made = program.instantiate(call);
        return made instanceof Promise ? made.then(lay) : lay(made);
      },
    };
  },
});

const ofContext = (change) => (engine) => ({
  compile: (extension, context) => engine.compile(extension, { ...context, ...change(context) }),
});
const answer = (result, change) => (typeof result === "string" ? change(result) : result.then(change));

let calls = 0;
const LIES = {
  "every 100th answer is the payload": ofInstance(
    (instance) => (fn, payload, call) =>
      answer(instance.invoke(fn, payload, call), (text) => (++calls % 100 === 0 ? payload : text)),
  ),
  "ISO dates are rewritten": ofInstance(
    (instance) =>
      (...args) =>
        answer(instance.invoke(...args), (text) => text.replaceAll(/(T\d\d:\d\d:\d\d)\.\d+Z/g, "$1Z")),
  ),
  "state is lost": ofInstance((instance) => (...args) => {
    instance.state.count = 0;
    return instance.invoke(...args);
  }),
  "errors name another function": ofInstance((instance) => (...args) => {
    try {
      return instance.invoke(...args);
    } catch (error) {
      if (error.guest !== undefined) error.function = "another";
      throw error;
    }
  }),
  "errors lose the guest's name": ofInstance((instance) => (...args) => {
    try {
      return instance.invoke(...args);
    } catch (error) {
      if (error.guest !== undefined)
        Object.defineProperty(error, "guest", { value: { ...error.guest, name: "Error" } });
      throw error;
    }
  }),
  "lines are cut": ofContext(({ log }) => ({ log: (level, text) => log(level, text.slice(0, 40)) })),
  "host calls are made twice": ofContext(({ host }) => ({
    host: host && {
      names: host.names,
      call(...args) {
        void host.call(...args);
        return host.call(...args);
      },
      callNow: (...args) => host.callNow(...args),
    },
  })),
};
