// Engines that do not keep `limits.fresh: "call"`, each in another way, made from the honest toy engine.
import { createRuntime, ExtensionError } from "extruntime/engine";
import { ofEngine, ofInstance } from "./lying.mjs";
import { toyEngine } from "./toy-engine.mjs";

/** An instance whose reset is another one. `own` is the honest one. */
const resetting = (reset) =>
  ofInstance((instance) => {
    const own = instance.reset.bind(instance);
    const said = { calls: 0, ended: undefined };
    instance.reset = () => reset({ instance, own, said });
    return {
      // What the toy engine breaks is put back here too, as an engine does that has snapshots.
      get broken() {
        return false;
      },
      invoke(fn, payload, call) {
        said.calls++;
        try {
          const result = instance.invoke(fn, payload, call);
          said.ended = "answer";
          return result;
        } catch (error) {
          said.ended = error.code;
          throw error;
        }
      },
    };
  });

const where = (isHonest) => resetting(({ own, said }) => isHonest(said) && own());
const keeping = (...places) =>
  resetting(({ instance, own }) => {
    const kept = Object.fromEntries(places.map((place) => [place, instance.state[place]]));
    own();
    Object.assign(instance.state, kept);
  });

const all = [];
const states = [];

const lies = {
  none: createRuntime,
  "keeps globals": keeping("globals"),
  "resets all but prototypes": keeping("prototypes"),
  "resets all but tables": keeping("tables"),
  "resets all but files": keeping("files"),
  "loses what the top level made": resetting(({ instance }) => {
    instance.state = { count: 0, kept: [] };
  }),
  "resets after errors only": where(({ ended }) => ended === undefined || ended !== "answer"),
  "resets after answers only": where(({ ended }) => ended === undefined || ended === "answer"),
  "resets but after a deadline": where(({ ended }) => ended !== "ERR_EXT_TIMEOUT"),
  "resets but when memory ran out": where(({ ended }) => ended !== "ERR_EXT_MEMORY"),
  "a hundredth call that is not fresh": where(({ calls }) => calls % 100 !== 0),
  "every second call alone": where(({ calls }) => calls % 2 === 1),
  "resets before asynchronous calls only": ofInstance((instance) => {
    const { reset } = instance;
    return {
      invoke: (...args) => instance.invoke(...args),
      invokeSync(...args) {
        instance.reset = () => {};
        try {
          return instance.invoke(...args);
        } finally {
          instance.reset = reset;
        }
      },
    };
  }),
  "one state of instances that overlap": ofInstance((instance) => {
    const own = instance.reset.bind(instance);
    instance.reset = () => {
      own();
      // A call that comes while the one before has not been looked at sees what that one left.
      if (states.length > 1) instance.state = states.at(-1);
      states.push(instance.state);
      setImmediate(() => states.splice(0));
    };
    return {};
  }),
  "leaks what calls kept": resetting(({ instance, own }) => {
    all.push(...instance.state.kept);
    own();
  }),
  "counts what calls kept": ofInstance((instance) => {
    let fills = 0;
    return {
      invoke(fn, ...rest) {
        if (fn === "fill" && ++fills > 6) throw new ExtensionError("ERR_EXT_MEMORY", "out of memory");
        return instance.invoke(fn, ...rest);
      },
    };
  }),
  "fresh for the manifest alone": ofEngine((engine) => ({
    compile: (extension, context) =>
      engine.compile(extension, { ...context, fresh: extension.manifest.limits.fresh === "call" }),
  })),
  "fresh whether asked or not": ofEngine((engine) => ({
    compile: (extension, context) => engine.compile(extension, { ...context, fresh: true }),
  })),
};

/** Honest but where a worker makes it, as its origin says. */
export function farLiar({ far = false } = {}) {
  const engine = toyEngine({ slices: false });
  const compile = (extension, context) => engine.compile(extension, far ? { ...context, fresh: false } : context);
  const origin = { module: import.meta.url, export: "farLiar", options: { far: true } };
  return { ...engine, compile, origin };
}

export function freshLiar({ lie, ...options }) {
  if (lie === "fresh in its own process alone") return createRuntime(farLiar(), options);
  return lies[lie](toyEngine({ slices: false }), options);
}
