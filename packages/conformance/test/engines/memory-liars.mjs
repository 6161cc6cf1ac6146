// Engines that lie about memory, made from the honest toy engine. Placed in a process, where the placement makes the engine again from its origin, the lie is there alone.
import { spawn } from "node:child_process";
import { createRuntime, guestError } from "extruntime/engine";
import { failingNeighbours, ofEngine, ofInstance, over } from "./lying.mjs";
import { toyEngine } from "./toy-engine.mjs";

const kept = [];

/** Calls that leave 8 KB behind, by the function. */
const LEAKS = {
  "a leak of 8 KB a call": () => true,
  "a leak of 8 KB for each call of a host function": (fn) => fn === "call" || fn === "caught",
};

/** What a worker makes; the lie is in its options. */
export function leakyEngine({ lie }) {
  const engine = toyEngine({ slices: false });
  const compile = async (extension, context) => {
    const program = await engine.compile(extension, context);
    return {
      close() {},
      instantiate(call) {
        const instance = program.instantiate(call);
        const invoke = (fn, payload, terms) => {
          if (LEAKS[lie]?.(fn)) kept.push(Buffer.alloc(8192, 1));
          return instance.invoke(fn, payload, terms);
        };
        return over(instance, { invoke });
      },
    };
  };
  return { ...engine, compile, origin: { module: import.meta.url, export: "leakyEngine", options: { lie } } };
}

/** A process that takes half a gigabyte and says so. */
const GREEDY = `const all = []; for (let i = 0; i < 8; i++) all.push(Buffer.alloc(64 << 20, 1)); console.log("done"); setTimeout(() => {}, 200);`;

const lies = {
  none: createRuntime,
  "out of memory at the top level that is the guest's error": ofEngine((engine) => ({
    async compile(extension, context) {
      const program = await engine.compile(extension, context);
      const instantiate = async (call) => {
        try {
          return await program.instantiate(call);
        } catch (error) {
          if (error.code !== "ERR_EXT_MEMORY") throw error;
          throw guestError({ name: "RangeError", message: "out of memory", stack: "" });
        }
      };
      return { ...program, instantiate };
    },
  })),
  "a limit that is not kept in a child process": ofInstance((instance) => ({
    async invoke(fn, payload, call) {
      if (fn === "allocate")
        await new Promise((resolve) =>
          spawn(process.execPath, ["-e", GREEDY], { stdio: "ignore" }).on("exit", resolve),
        );
      return instance.invoke(fn, payload, call);
    },
  })),
  "out of memory that fails the calls of neighbours": failingNeighbours(({ code }) => code === "ERR_EXT_MEMORY"),
  "out of memory that costs all instances their state": (engine, options) => {
    const instances = new Set();
    return ofInstance((instance) => {
      instances.add(instance);
      return {
        invoke: async (...args) => {
          try {
            return await instance.invoke(...args);
          } catch (error) {
            if (error.code === "ERR_EXT_MEMORY") for (const each of instances) each.state.count = 0;
            throw error;
          }
        },
      };
    })(engine, options);
  },
};

export function memoryLiar({ lie, ...options }) {
  if (Object.hasOwn(LEAKS, lie) || lie === "no leak") return createRuntime(leakyEngine({ lie }), options);
  return lies[lie](toyEngine({ slices: true }), options);
}
