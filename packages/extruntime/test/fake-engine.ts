import { type Call, ENGINE_VERSION, type Engine, ExtensionError, type Instance } from "../src/engine.ts";

/** A call that the fake engine has been given and that the test settles. */
export interface OpenCall {
  readonly fn: string;
  readonly payload: string;
  readonly call: Call;
  readonly instance: number;
  resolve(result: string): void;
  reject(error: unknown): void;
}

export interface FakeEngine extends Engine {
  /** Calls under way, in the order of their start. */
  readonly open: OpenCall[];
  /** Numbers of the instances that were made, aborted, and closed. */
  readonly made: number[];
  readonly aborted: number[];
  readonly closed: number[];
  programsClosed: number;
  closes: number;
  /** Set by a test: what the next `instantiate` throws. */
  failNext: unknown;
  /** Set by a test: instances that must be replaced. */
  readonly brokenInstances: Set<number>;
}

/**
 * An engine whose calls end when the test says so. `sync` makes instances at once and answers `echo` at once; with
 * `held`, instantiation waits until the test calls `release`.
 */
export function fakeEngine(
  options: { sync?: boolean; abort?: boolean; capabilities?: Partial<Engine["capabilities"]> } = {},
): FakeEngine {
  const engine: FakeEngine = {
    engineVersion: ENGINE_VERSION,
    name: "fake",
    aliases: ["fictive"],
    capabilities: {
      languages: ["none"],
      hardSandbox: true,
      nativeAddon: false,
      deadline: "hard",
      signal: "hard",
      crashIsolation: false,
      memoryLimit: true,
      parallel: true,
      sync: true,
      hostFunctions: true,
      freshCalls: true,
      ...options.capabilities,
    },
    pool: { size: 4 },
    open: [],
    made: [],
    aborted: [],
    closed: [],
    programsClosed: 0,
    closes: 0,
    failNext: undefined,
    brokenInstances: new Set(),
    compile: () => ({
      instantiate() {
        if (engine.failNext !== undefined) {
          const error = engine.failNext;
          engine.failNext = undefined;
          if (options.sync) throw error;
          return Promise.reject(error);
        }
        const instance = fakeInstance(engine, engine.made.length);
        engine.made.push(engine.made.length);
        return options.sync ? instance : Promise.resolve(instance);
      },
      close() {
        engine.programsClosed++;
      },
    }),
    close() {
      engine.closes++;
    },
  };
  return engine;
}

function fakeInstance(engine: FakeEngine, number: number): Instance {
  let running: OpenCall | undefined;
  return {
    get broken() {
      return engine.brokenInstances.has(number);
    },
    invoke(fn, payload, call) {
      if (running !== undefined) throw new Error(`two calls on instance ${number}`);
      if (fn === "echo") return payload;
      if (fn === "fail") throw new ExtensionError("ERR_EXT_GUEST", "it failed");
      if (fn === "crash") throw new RangeError("a bug of the engine");
      return new Promise<string>((resolve, reject) => {
        const done = () => {
          running = undefined;
          engine.open.splice(engine.open.indexOf(open), 1);
        };
        const open: OpenCall = {
          fn,
          payload,
          call,
          instance: number,
          resolve: (result) => {
            done();
            resolve(result);
          },
          reject: (error) => {
            done();
            reject(error);
          },
        };
        running = open;
        engine.open.push(open);
      });
    },
    abort() {
      engine.aborted.push(number);
      running?.reject(new ExtensionError("ERR_EXT_GUEST", "was stopped"));
    },
    close() {
      if (running !== undefined) throw new Error(`instance ${number} was closed during a call`);
      engine.closed.push(number);
    },
  };
}

export const FUNCTIONS = ["echo", "fail", "crash", "wait"];

/** An extension of the fake engine, kept in memory. */
export function fakeExtension(name = "example", limits: Record<string, number | string> = {}) {
  return {
    manifest: { name, version: "1.2.3", runtime: "fake", module: "code.txt", exports: FUNCTIONS, limits },
    files: { "code.txt": "" },
  };
}

/** Lets everything that is ready to run on this thread run. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
