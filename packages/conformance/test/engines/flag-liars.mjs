// Engines that declare what they have not, and engines that have what they do not declare, made from the honest toy engine: a row for each capability and each way.
import { createRuntime } from "extruntime/engine";
import { ofInstance, ofRuntime } from "./lying.mjs";
import { toyEngine } from "./toy-engine.mjs";

/** A runtime that says of itself, wherever it is asked, what is not so. */
const saying = (said) =>
  ofRuntime((runtime) => ({
    capabilities: Object.freeze({ ...runtime.capabilities, ...said }),
    capabilitiesAt: (placement) => Object.freeze({ ...runtime.capabilitiesAt(placement), ...said }),
  }));

/** An engine that lacks what its runtime says that it has. */
const lacking = (lacked, said) => (engine, options) =>
  saying(said)({ ...engine, capabilities: { ...engine.capabilities, ...lacked } }, options);

/** By capability: declared and not had, had and not declared. `slices` is the toy engine that gives the thread back. */
const lies = {
  none: { slices: true, make: createRuntime },
  "deadline declared": { slices: true, make: lacking({ deadline: false, signal: false }, { deadline: "hard" }) },
  "deadline concealed": { slices: true, make: saying({ deadline: false }) },
  "deadline hard, and it is interpreted": {
    slices: true,
    // As an interpreter does that cannot look while a builtin runs.
    make: ofInstance((instance, _, extension) =>
      extension.manifest.name !== "loop-native"
        ? {}
        : {
            invoke: (fn, payload) => instance.invoke(fn, payload, { deadline: Infinity, signal: undefined }),
            abort() {},
          },
    ),
  },
  "signal declared": { slices: true, make: lacking({ signal: false }, { signal: "hard" }) },
  "signal declared, and only beside a timeout": {
    slices: true,
    make: ofInstance((instance) => {
      let limited = false;
      return {
        invoke(fn, payload, call) {
          limited = Number.isFinite(call.deadline);
          return instance.invoke(fn, payload, call);
        },
        abort: () => void (limited && instance.abort()),
      };
    }),
  },
  "signal concealed": { slices: true, make: saying({ signal: false }) },
  "memoryLimit declared": { slices: false, make: lacking({ memoryLimit: false }, { memoryLimit: true }) },
  "memoryLimit concealed": { slices: false, make: saying({ memoryLimit: false }) },
  "sync declared": { slices: true, make: saying({ sync: true }) },
  "sync concealed": { slices: false, make: saying({ sync: false }) },
  "hostFunctions declared": { slices: false, make: lacking({ hostFunctions: false }, { hostFunctions: true }) },
  "hostFunctions concealed": { slices: false, make: saying({ hostFunctions: false }) },
  "freshCalls declared": { slices: false, make: lacking({ freshCalls: false }, { freshCalls: true }) },
  "freshCalls concealed": { slices: false, make: saying({ freshCalls: false }) },
  "parallel declared": { slices: true, make: saying({ parallel: true }) },
  "crashIsolation declared": { slices: true, make: saying({ crashIsolation: true }) },
  "nativeAddon declared": { slices: true, make: saying({ nativeAddon: true }) },
  "another language declared": { slices: true, make: saying({ languages: ["toy", "cobol"] }) },
  "capabilities that change": {
    slices: true,
    make: (engine, options) => saying({ parallel: made++ % 2 === 1 })(engine, options),
  },
  "capabilities that can be changed": {
    slices: true,
    make: ofRuntime((runtime) => ({ capabilities: { ...runtime.capabilities } })),
  },
};
let made = 0;

export function flagLiar({ lie, ...options }) {
  const { slices, make } = lies[lie];
  return make(toyEngine({ slices }), options);
}
