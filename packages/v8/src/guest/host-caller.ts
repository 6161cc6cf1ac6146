import { HOST_ANSWER } from "extruntime/engine";
import { CELL } from "./shared-cells.ts";

/** Calls of host functions that a guest has under way at a time, as many as the core lets a module wait for; more are kept back in the guest's own memory, which is limited. */
const MOST_OPEN = 1000;

/** Characters of a call that is sent without waiting until the host has heard it, so that little is on the way at a time. */
const SENT_LATER = 16_384;

/**
 * The part of the dispatcher that gives a guest its `host`, where its extension has permissions. It asks the host by `$4`, which does
 * not wait, `$5`, which waits until the host has heard, and `$6`, which waits for the answer. What the dispatcher says of itself holds here too.
 *
 * Off the host's thread no answer is taken at once, even where it could be: a guest that asks again and again within its microtasks
 * would never come to hear the other answers.
 *
 * Nothing of a call goes on when the call has its own answer. What it has still to ask is asked then, and not answered.
 */
export const HOST_CALLER = `
const askLater = $4, askHeard = $5, askHere = $6, AnyPromise = Promise, AnyError = Error, NoJson = TypeError;
const { defineProperty } = Object, { indexOf } = String.prototype;

// Of the call whose turn it is: what waits for answers, by number, and how many; what is to be asked, in order; whether it is answered.
let asking = { __proto__: null }, open = 0, first = null, last = null, over = false;
let asked = 0;
// Characters of the arguments that are with the host: more than may wait there are refused here, as it costs the host to hear them.
let waiting = 0;

const begin = () => {
  over = false;
  quit();
};

const quit = () => {
  waiting = 0;
  if (open === 0) return;
  asking = { __proto__: null };
  open = 0;
};

const end = (mine) => {
  if (mine !== ticket) return;
  over = true;
  quit();
  while (first !== null) sendFirst();
};

const own = (error, key, value) =>
  defineProperty(error, key, { __proto__: null, value, writable: true, enumerable: false, configurable: true });

// The error was made where the guest called, and its stack says so.
const fail = (error, name, message, more) => {
  if (more !== undefined) withMore(error, more);
  let stack;
  try {
    stack = error.stack;
  } catch {}
  own(error, "name", name);
  own(error, "message", message);
  if (typeof stack !== "string") return error;
  const frames = apply(indexOf, stack, ["\\n"]);
  own(error, "stack", name + ": " + message + (frames < 0 ? "" : apply(slice, stack, [frames])));
  return error;
};

const withMore = (error, more) => {
  if (more.code !== undefined) own(error, "code", more.code);
  if (more.data !== undefined) own(error, "data", more.data);
  if (more.cause !== undefined) own(error, "cause", errorBelow(more.cause));
  if (more.errors !== undefined) {
    const { errors } = more;
    for (let i = 0; i < errors.length; i++) errors[i] = errorBelow(errors[i]);
    own(error, "errors", errors);
  }
  return error;
};
const errorBelow = (one) => {
  const error = new AnyError();
  own(error, "name", one.name);
  own(error, "message", one.message);
  own(error, "stack", "");
  return withMore(error, one);
};

const conclude = (call, answer) => {
  try {
    const value = parse(apply(slice, answer, [1]));
    if (answer[0] === "${HOST_ANSWER.result}") call.resolve(value);
    else call.reject(fail(call.error, value[0], value[1], value[2]));
  } catch (error) {
    call.reject(error);
  }
};

const send = (call) => {
  const { name, payload } = call, { length } = payload;
  if (waiting + length > mostWaiting) {
    call.reject(fail(call.error, "RangeError", "calls of host functions that wait for their answers take " + waiting + " bytes, this one of " + name + " would add " + length + ", and limits.waitingBytes is " + mostWaiting + ": await some first"));
    return;
  }
  waiting += length;
  const number = over ? 0 : ++asked;
  if (number > 0 && name.length + length <= ${SENT_LATER}) askLater(number, name, payload);
  else {
    store(cells, ${CELL.waits}, 1);
    try {
      askHeard(number, name, payload);
    } finally {
      store(cells, ${CELL.waits}, 0);
    }
  }
  if (number === 0) return;
  call.payload = "";
  call.length = length;
  asking[number] = call;
  open++;
};

const sendFirst = () => {
  const call = first;
  first = call.next;
  send(call);
};

const ask = (call) => {
  if (load(cells, ${CELL.here}) === 1) conclude(call, askHere(call.name, call.payload));
  else if (over || open < ${MOST_OPEN}) send(call);
  else last = first === null ? (first = call) : (last.next = call);
};

const call = (name, value) => {
  const error = new AnyError();
  return new AnyPromise((resolve, reject) => {
    if (typeof name !== "string") throw new NoJson("the name of a host function must be a string");
    const payload = value === undefined ? "null" : stringify(value);
    if (payload === undefined) throw new NoJson("what " + name + " is called with has no JSON form: it is a " + typeof value);
    if (payload.length > mostAsked)
      throw fail(error, "RangeError", "the host function " + name + " takes up to " + mostAsked + " bytes of JSON (limits.hostCallBytes), and got " + payload.length);
    if (ticket === 0)
      throw fail(error, "UnsupportedError", "the host function " + name + " cannot be called while the extension loads: call it from an exported function");
    ask({ __proto__: null, name, payload, resolve, reject, error, length: 0, next: null });
  });
};

// Answers of the host's for the call of that number: pairs of what was asked and the text.
const deliver = (mine, ...answers) => {
  if (mine !== ticket || over) return;
  for (let i = 0; i < answers.length; i += 2) {
    const call = asking[answers[i]];
    if (call === undefined) continue;
    delete asking[answers[i]];
    open--;
    waiting -= call.length;
    conclude(call, answers[i + 1]);
  }
  while (first !== null && open < ${MOST_OPEN}) sendFirst();
};

Object.defineProperty(globalThis, "host", { value: { call }, writable: true, enumerable: false, configurable: true });
`;

/** In its place, where an extension has no permissions. */
export const NO_HOST_CALLER = `
const begin = () => {}, end = begin, deliver = undefined;
`;
