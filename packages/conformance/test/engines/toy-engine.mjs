// A small honest engine, all in memory, for a language of one line a function: `name = verb`. Inline it runs a call to its end within `invoke`; with
// `{ slices: true }` it gives the thread back between slices of work, as an engine on another thread would.
import { createRuntime, ENGINE_VERSION, ExtensionError, guestError, HOST_ANSWER, notGranted } from "extruntime/engine";
import { ToyError, verbs } from "./toy-verbs.mjs";

const MAX_DEPTH = 1000;
const STEPS_PER_LOOK = 500;

export const toy = (options = {}) => createRuntime(toyEngine(options), options);

export function toyEngine({ slices = false } = {}) {
  return {
    engineVersion: ENGINE_VERSION,
    name: "toy",
    aliases: ["plaything"],
    capabilities: {
      languages: ["toy"],
      hardSandbox: true,
      nativeAddon: false,
      deadline: slices ? "hard" : "interpreted",
      signal: slices ? "hard" : false,
      crashIsolation: false,
      memoryLimit: true,
      parallel: false,
      sync: !slices,
      hostFunctions: true,
      freshCalls: true,
    },
    tellsCalls: true,
    pool: { size: 4 },
    async compile(extension, context) {
      const lines = parse(new TextDecoder().decode(await extension.read(extension.manifest.module)));
      for (const name of extension.manifest.exports)
        if (!lines.has(name))
          throw new ExtensionError("ERR_EXT_UNKNOWN_FUNCTION", `no line defines ${name}`, { function: name });
      return {
        instantiate: (call) => {
          const instance = new ToyInstance(lines, context, slices);
          // What the guest does when it is loaded.
          const started = lines.has("start") ? instance.invoke("start", "null", call) : "null";
          return typeof started === "string" ? instance.keep() : started.then(() => instance.keep());
        },
        close() {},
      };
    },
  };
}

function parse(text) {
  const lines = new Map();
  for (const line of text.split("\n").filter((each) => each.trim() !== "")) {
    const [, name, verb] = /^\s*(\w+)\s*=\s*(\w+)\s*$/.exec(line) ?? [];
    if (!Object.hasOwn(verbs, verb ?? ""))
      throw guestError({ name: "SyntaxError", message: `no verb in ${line.slice(0, 40)}`, stack: "" });
    lines.set(name, verb);
  }
  return lines;
}

export class ToyInstance {
  broken = false;
  state = { count: 0, kept: [] };
  #lines;
  #context;
  #slices;
  #stopped = false;
  /** Ends the wait for the host. */
  #wake;
  /** With fresh calls: what the top level made. */
  #start;

  constructor(lines, context, slices) {
    this.#lines = lines;
    this.#context = context;
    this.#slices = slices;
  }

  /** Once the top level has run. */
  keep() {
    if (this.#context.fresh) this.#start = structuredClone(this.state);
    return this;
  }

  /** Puts back what the top level made. */
  reset() {
    this.state = structuredClone(this.#start);
  }

  invoke(fn, payload, call) {
    if (this.#start !== undefined) this.reset();
    if (payload.length > this.#memoryBytes) throw new ExtensionError("ERR_EXT_MEMORY", "the payload does not fit");
    const steps = verbs[this.#lines.get(fn)](readJson(payload), this.state);
    // `answer` is the host's, for the guest's next step; `asked` is the promise of one.
    const run = { fn, call, steps, depth: 0, bytes: 0, answer: undefined, asked: undefined };
    return this.#slices ? this.#inSlices(run) : this.#toTheEnd(run);
  }

  abort() {
    this.#stopped = true;
    this.#wake?.();
  }

  close() {
    this.state.kept.length = 0;
  }

  #toTheEnd(run) {
    for (;;) {
      const result = this.#slice(run);
      if (result !== undefined) return result;
      if (run.asked !== undefined) return this.#answered(run).then(() => this.#toTheEnd(run));
      if (performance.now() > run.call.deadline) throw this.#stop(new ExtensionError("ERR_EXT_TIMEOUT", "time is up"));
      if (run.waits)
        throw guestError({ name: "Error", message: "nothing can settle it", stack: `at ${run.fn} (guest.toy:1)` });
    }
  }

  async #inSlices(run) {
    for (;;) {
      const result = this.#slice(run);
      if (result !== undefined) return result;
      if (run.asked !== undefined) await this.#answered(run);
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#stopped || performance.now() > run.call.deadline)
        throw this.#stop(new ExtensionError("ERR_EXT_TIMEOUT", "it was stopped"));
    }
  }

  /** Waits for the host's answer, or until it is told to stop. */
  async #answered(run) {
    const stopped = new Promise((resolve) => {
      this.#wake = resolve;
    });
    run.answer = await Promise.race([run.asked, stopped]);
    run.asked = undefined;
    if (this.#stopped) throw this.#stop(new ExtensionError("ERR_EXT_TIMEOUT", "it was stopped while it waited"));
  }

  /** Some steps. JSON text when the guest has ended. */
  #slice(run) {
    try {
      for (let i = 0; i < STEPS_PER_LOOK; i++) {
        const { done, value } = resume(run);
        if (done) return writeJson(value);
        if (value === undefined) continue;
        this.#serve(run, value);
        if (value.wait || value.waitForEver || run.asked !== undefined) return undefined;
      }
      return undefined;
    } catch (error) {
      if (!(error instanceof ToyError)) throw error;
      throw guestError({
        ...error.more,
        name: error.name,
        message: error.message,
        stack: `at ${run.fn} (guest.toy:1)`,
      });
    }
  }

  #serve(run, asked) {
    if (asked.deeper && ++run.depth > MAX_DEPTH) throw new ToyError("RangeError", "too deep");
    if (asked.print !== undefined) this.#context.log("info", asked.print, run.call);
    if (asked.waitForEver) run.waits = true;
    if (asked.crash) process.abort();
    if (asked.host !== undefined) this.#askHost(run, asked);
    run.bytes += asked.allocate ?? 0;
    if (run.bytes > this.#memoryBytes) throw this.#stop(new ExtensionError("ERR_EXT_MEMORY", "out of memory"));
  }

  #askHost(run, { host: name, value }) {
    const { host } = this.#context;
    const answer =
      host === undefined ? notGranted(name, []) : host.call(name, JSON.stringify(value) ?? "null", run.call);
    if (typeof answer === "string") run.answer = answer;
    else run.asked = answer;
  }

  get #memoryBytes() {
    return this.#context.memoryBytes ?? 256 << 20;
  }

  #stop(error) {
    this.broken = true;
    this.state.kept.length = 0;
    return error;
  }
}

/** The guest's next step, with the host's answer where it has asked. */
function resume(run) {
  const { answer, steps } = run;
  run.answer = undefined;
  if (answer === undefined) return steps.next();
  const value = JSON.parse(answer.slice(1));
  return answer.startsWith(HOST_ANSWER.result) ? steps.next(value) : steps.throw(new ToyError(...value));
}

function readJson(payload) {
  try {
    return JSON.parse(payload);
  } catch (cause) {
    throw new ExtensionError("ERR_EXT_BAD_PAYLOAD", "the payload is not JSON", { cause });
  }
}

function writeJson(value) {
  try {
    return JSON.stringify(value) ?? "null";
  } catch (cause) {
    throw new ExtensionError("ERR_EXT_BAD_RESULT", "the result has no JSON form", { cause });
  }
}
