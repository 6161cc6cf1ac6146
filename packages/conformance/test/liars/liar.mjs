// An engine with one lie, made from the honest toy engine: what it says (a mutation) and when (a trigger). Everything that a user sees of the runtime
// passes here; what the lie does not concern passes as it is.
import { AsyncLocalStorage } from "node:async_hooks";
import { createRuntime } from "extruntime/engine";
import { toyEngine } from "../engines/toy-engine.mjs";
import { Ledger } from "./ledger.mjs";
import { lieNamed } from "./lies.mjs";
import { LyingModule } from "./lying-module.mjs";

/** For the kit, which makes an engine by the name of an export and options that are JSON. `lie` is a name of `lies.mjs`; without one it is honest. */
export function liar({ lie, slices = false, ...options }) {
  return liarWith(lieNamed(lie), { slices, ...options });
}

/** An honest engine of which `onEvent(site, event)` hears all that a liar could lie about. */
export function listener(onEvent, { slices = false, ...options }) {
  return build(new Ledger(undefined, () => {}, onEvent), { slices, ...options });
}

/** `onTold` is called each time that the lie is told. */
export function liarWith(lie, { slices = false, onTold = () => {}, ...options }) {
  return build(new Ledger(lie, onTold), { slices, ...options });
}

function build(ledger, { slices, ...options }) {
  const loading = new AsyncLocalStorage();
  const honest = createRuntime(lyingEngine(toyEngine({ slices }), ledger, loading), options);
  return new LyingRuntime(honest, ledger, loading);
}

/** Below the core: how instances run calls. */
function lyingEngine(engine, ledger, loading) {
  if (ledger.lie?.site !== "runs" && ledger.onEvent === undefined) return engine;
  const shared = { count: 0, kept: [] };
  const compile = async (extension, context) => {
    const module = loading.getStore();
    const program = await engine.compile(extension, context);
    const lay = (instance) =>
      new Proxy(instance, {
        get(target, key) {
          if (key === "invoke") return (...args) => runOf(target, module, args);
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
  };
  const runOf = (instance, module, args) => {
    const run = (fn = args[0], payload = args[1]) => instance.invoke(fn, payload, args[2]);
    const event = { module, fn: args[0], size: args[1].length, shared, memory: ledger.memory };
    const result = ledger.tell("runs", event, (mutate) => mutate(run, instance, args, event));
    return result === undefined ? run() : result;
  };
  return { ...engine, compile };
}

class LyingRuntime {
  #honest;
  #ledger;
  #loading;
  #closes = 0;

  constructor(honest, ledger, loading) {
    this.#honest = honest;
    this.#ledger = ledger;
    this.#loading = loading;
    for (const key of ["contractVersion", "name", "aliases", "placement", "capabilities", "unavailable"])
      this[key] = honest[key];
  }

  capabilitiesAt(placement) {
    return this.#honest.capabilitiesAt(placement);
  }

  async load(source, options) {
    const ledger = this.#ledger;
    const module = ledger.module(source, options);
    const told = ledger.tell("loads", { module, runtime: ledger.runtime, size: 0 }, (mutate, event) =>
      mutate({ source, options }, event),
    );
    const load = told ?? { source, options };
    if (load.refuses) throw new Error("not today");
    const lyingOptions = {
      ...load.options,
      ...ledger.logger(load.options?.logger, module),
      ...ledger.hostFunctions(load.options?.hostFunctions, module),
    };
    try {
      module.raw = load.gives ?? (await this.#loading.run(module, () => this.#honest.load(load.source, lyingOptions)));
    } catch (error) {
      ledger.failed(module, error);
      const honest = () =>
        this.#honest.load({
          manifest: { name: "wrong", runtime: "toy", module: "guest.toy", exports: ["run"] },
          files: { "guest.toy": "run = value" },
        });
      const other = load.fails?.(error, honest);
      if (other instanceof Promise) return other;
      throw other ?? error;
    }
    ledger.loaded(module, source, options);
    return new LyingModule(module, ledger);
  }

  close(options) {
    const ledger = this.#ledger;
    const again = this.#closes++ > 0;
    const event = { module: ledger.runtime.asModule(), again, options, size: 0 };
    const close = (given = options) => this.#honest.close(given);
    const told = ledger.tell("closes of the runtime", event, (mutate) => mutate(close, options, event));
    return told ?? close();
  }

  [Symbol.asyncDispose]() {
    return this.close();
  }
}
