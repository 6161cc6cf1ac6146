/**
 * The code of the global `host` inside the guest's context: a function that takes the function which asks the host. It is
 * evaluated before any guest code, where the manifest asks for host functions, and keeps the built-ins that it needs for
 * the dispatcher's reasons.
 *
 * `ask` takes the number of the payload's characters and after it the name as JSON (whatever is in it is carried then), the payload,
 * and the function that is to be given the answer; it returns the answer, or `undefined` where that comes later.
 */
export const HOST_OBJECT = `(function (ask) {
"use strict";
const { parse, stringify } = JSON, { apply } = Reflect, { defineProperty } = Object, { slice } = String.prototype;
const PromiseHere = Promise, ErrorHere = Error, TypeErrorHere = TypeError, RangeErrorHere = RangeError;
const define = (target, key, value) =>
  defineProperty(target, key, { __proto__: null, value, writable: true, enumerable: false, configurable: true });

const failed = (error, content) => {
  define(error, "name", content[0]);
  define(error, "message", content[1]);
  if (content[2] !== undefined) told(error, content[2]);
  return error;
};
const told = (error, more) => {
  if (more.code !== undefined) define(error, "code", more.code);
  if (more.data !== undefined) define(error, "data", more.data);
  if (more.cause !== undefined) define(error, "cause", below(more.cause));
  if (more.errors !== undefined) {
    const { errors } = more;
    for (let i = 0; i < errors.length; i++) errors[i] = below(errors[i]);
    define(error, "errors", errors);
  }
  return error;
};
const below = (one) => {
  const error = new ErrorHere();
  define(error, "name", one.name);
  define(error, "message", one.message);
  define(error, "stack", "");
  return told(error, one);
};

const contentOf = (answer) => {
  try {
    return parse(apply(slice, answer, [1]));
  } catch (error) {
    throw error.message === "stack overflow" ? new RangeErrorHere("the answer is nested too deeply for QuickJS") : error;
  }
};

const payloadOf = (value) => {
  if (value === undefined) return "null";
  const payload = stringify(value);
  if (payload === undefined) throw new TypeErrorHere("a value of type " + typeof value + " has no JSON form");
  return payload;
};

const call = (name, value) => {
  let resolve, reject, place;
  const promise = new PromiseHere((yes, no) => {
    resolve = yes;
    reject = no;
  });
  const settle = (answer) => {
    try {
      const content = contentOf(answer);
      if (answer[0] === "=") resolve(content);
      else reject(failed(place === undefined ? new ErrorHere() : place, content));
    } catch (error) {
      reject(error);
    }
    return "";
  };
  try {
    if (typeof name !== "string")
      throw new TypeErrorHere("the name of a host function must be a string, and is of type " + typeof name);
    const payload = payloadOf(value);
    const answer = ask(payload.length + stringify(name), payload, settle);
    // An answer that comes later finds nothing of the guest on the stack: where it was asked for is noted now.
    if (answer === undefined) place = new ErrorHere();
    else settle(answer);
  } catch (error) {
    reject(error);
  }
  return promise;
};

define(globalThis, "host", { call });
})`;
