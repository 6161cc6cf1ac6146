import { javascript } from "./javascript.ts";
import { WALK } from "./javascript-walk.ts";
import type { KitGuest } from "./kit-guest.ts";

/** `find()` lists the names of the properties of every object that the guest reaches, by the object's path. Exports of the guest are left out, which may be globals too. */
export function namesGuest(): KitGuest {
  return javascript(
    `${WALK}
const OWN = ["find", "ownKeys", "getOwnPropertyDescriptor", "getPrototypeOf", "defineProperty", "apply", "inSet", "toSet", "NewSet", "isObject", "textOf", "startsWith", "sliced", "keyName", "SYNTAX", "walk", "OWN"];
export function find() {
  const found = {}, roots = [["this", this], ["import.meta", import.meta], ["new.target", new.target]];
  for (let i = 1; i < arguments.length; i++) roots.push(["arguments." + i, arguments[i]]);
  for (const name of Object.getOwnPropertyNames(globalThis)) try { roots.push([name, globalThis[name]]); } catch {}
  walk((object, path, keys) => {
    if (OWN.includes(path) || path.startsWith("find.") || path.startsWith("SYNTAX") || path.startsWith("walk.")) return;
    const names = keys.map(keyName).filter((name) => path !== "globalThis" || !OWN.includes(name));
    if (names.length > 0) found[path] = names;
  }, roots);
  return found;
}`,
    ["find"],
  );
}
