/** What is to be done when a signal fires, for each signal that a call waits on. */
const watches = new WeakMap<AbortSignal, Watch>();

interface Watch {
  readonly actions: Set<() => void>;
  stop(): void;
}

/**
 * Runs `action` when the signal fires; the function that it returns calls that off. All calls with one signal share one
 * listener, since Node takes more than ten for a leak, and one request of a service may make hundreds of calls.
 */
export function whenAborted(signal: AbortSignal, action: () => void): () => void {
  let watch = watches.get(signal);
  if (watch === undefined) {
    watch = watchSignal(signal);
    watches.set(signal, watch);
  }
  const { actions, stop } = watch;
  actions.add(action);
  return () => {
    if (actions.delete(action) && actions.size === 0) stop();
  };
}

function watchSignal(signal: AbortSignal): Watch {
  const actions = new Set<() => void>();
  const stop = () => {
    signal.removeEventListener("abort", onAbort);
    watches.delete(signal);
  };
  const onAbort = () => {
    stop();
    // An action may take others away, and none that came in before the signal may be left out.
    for (const action of actions) action();
  };
  signal.addEventListener("abort", onAbort);
  return { actions, stop };
}
