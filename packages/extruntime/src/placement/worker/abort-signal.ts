import type { CallStates } from "../wire/call-states.ts";

/**
 * The abort signal of a call in a worker. An engine that holds the thread and looks at `aborted` sees what the host wrote
 * into shared memory, though no event could reach it.
 */
export function abortSignal(states: CallStates, key: number): AbortSignal {
  const controller = new AbortController();
  const { signal } = controller;
  const look = () => {
    if (!controller.signal.aborted) controller.abort();
  };
  return new Proxy(signal, {
    get(target, property) {
      if ((property === "aborted" || property === "throwIfAborted" || property === "reason") && states.aborted(key))
        look();
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
