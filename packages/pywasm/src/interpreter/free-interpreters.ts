import type { StartedPython } from "./code.ts";
import { Interpreter } from "./interpreter.ts";

/** Interpreters that are kept without a program. */
const MOST_KEPT = 16;

/**
 * Interpreters without a program. One that has served a program serves the next: to put it back costs a tenth of what a new one does, and address
 * space of its own is what a process has not without end.
 */
const free: Interpreter[] = [];

/** One in no certain state: to be put back to an image before anything else. */
export function takeInterpreter(python: StartedPython): Interpreter {
  return free.pop() ?? new Interpreter(python, new Map());
}

export function giveInterpreter(interpreter: Interpreter): void {
  interpreter.output = undefined;
  interpreter.host.granted = undefined;
  interpreter.host.onAnswer = undefined;
  interpreter.host.forget();
  interpreter.mount(new Map());
  if (free.length < MOST_KEPT && !interpreter.hasGrown) free.push(interpreter);
}
