// https://extism.org/docs/quickstart/host-quickstart and the README of the JavaScript SDK: `createPlugin` once, `plugin.call` for each call.
// Version 1.0.3 fails for good at call 16,384 of a plugin, so that a plugin is replaced before; its making is in the figures.
import { fileURLToPath } from "node:url";
import { createPlugin } from "@extism/extism";

const WASM = fileURLToPath(new URL("../guests/extism/validate.wasm", import.meta.url));
const CALLS_PER_PLUGIN = 16_000;

export async function open({ inWorker = false } = {}) {
  const make = () => createPlugin(WASM, { useWasi: true, runInWorker: inWorker });
  let plugin = await make();
  let calls = 0;
  // One plugin runs one call at a time.
  let last = Promise.resolve();
  const run = async (fn, payload) => {
    if (++calls === CALLS_PER_PLUGIN) {
      await plugin.close();
      plugin = await make();
      calls = 0;
    }
    return (await plugin.call(fn, payload)).text();
  };
  return {
    call(fn, payload) {
      const next = last.then(() => run(fn, payload));
      last = next.catch(() => {});
      return next;
    },
    close: () => plugin.close(),
  };
}
