// Extensions of extruntime in AssemblyScript. See the package's README.

import { call as callHost, end, give, Out } from "./abi";
import { Json, parse } from "./json";

export { In, Out, Size } from "./abi";
export { Json, Kind } from "./json";

/** What an exported function does: reads the value, calls `run`, and writes what it returns. `run` uses nothing of the function around it. */
export function answer(input: usize, size: usize, run: (value: Json) => Json): Out {
  return give(run(read(input, size)).toString());
}

/** Ends the call with an error of this name and message, which the host sees. `throw new Error(message)` does so with the name `Error`. */
export function fail(name: string, message: string): void {
  end(name, message);
}

/** What a host function has answered: a value, or the name and message of its error. */
export class HostAnswer {
  constructor(
    readonly ok: bool,
    readonly value: Json,
    readonly name: string,
    readonly message: string,
  ) {}
}

/** Calls a function of the host and waits for its answer. Where it fails, this call does, with its error. */
export function call(name: string, value: Json): Json {
  const answer = tryCall(name, value);
  if (!answer.ok) fail(answer.name, answer.message);
  return answer.value;
}

/** Calls a function of the host, for who can do without its value. */
export function tryCall(name: string, value: Json): HostAnswer {
  const text = callHost(name, value.toString());
  const json = parse(text.substring(1));
  if (text.startsWith("=")) return new HostAnswer(true, json, "", "");
  return new HostAnswer(false, Json.null(), json.at(0).text, json.at(1).text);
}

function read(pointer: usize, size: usize): Json {
  if (size == 0) return Json.null();
  return parse(String.UTF8.decodeUnsafe(pointer, size));
}
