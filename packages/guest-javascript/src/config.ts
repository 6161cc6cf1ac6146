/**
 * Source text that puts a configuration, given as JSON text, on the guest's global `host`, which is made where there is none. It is evaluated before any guest code.
 * Frozen to its leaves: a module's copy of a value is the same for all its code.
 */
export function configSource(config: string): string {
  return `(() => {
"use strict";
const { freeze, values, defineProperty } = Object;
const frozen = (value) => {
  if (typeof value !== "object" || value === null) return value;
  for (const each of values(value)) frozen(each);
  return freeze(value);
};
if (typeof host === "undefined")
  defineProperty(globalThis, "host", { value: {}, writable: true, enumerable: false, configurable: true });
defineProperty(host, "config", { value: frozen(JSON.parse(${JSON.stringify(config)})), enumerable: true });
})();`;
}
