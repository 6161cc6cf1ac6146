import { javascript } from "./javascript.ts";
import { WALK } from "./javascript-walk.ts";
import type { KitGuest } from "./kit-guest.ts";

/** `find()` lists the names of the properties of every object that the guest reaches, by the object's path. Exports of the guest are left out, which may be globals too. */
/** What hosts hand to a module by other ways than its global object: parameters around its code, or variables of a scope outside of it. No guest can list those. */
const GUESSES =
  "process require module exports __filename __dirname global Buffer fetch fs path http net child_process worker_threads vm os std bjson scriptArgs read readFile readFileSync write writeFile open load loadFile loadScript importScripts system exec spawn env environ secret secrets config context ctx host$ $host native bridge internal runtime engine sandbox api Deno Bun Worker setTimeout setInterval setImmediate XMLHttpRequest WebSocket navigator self window".split(
    " ",
  );

export function namesGuest(): KitGuest {
  const lexical = GUESSES.map((name) => `["${name}", () => typeof ${name}]`).join(", ");
  return javascript(
    `${WALK}
const OWN = ["find", "ownKeys", "getOwnPropertyDescriptor", "getPrototypeOf", "defineProperty", "apply", "inSet", "toSet", "NewSet", "isObject", "textOf", "startsWith", "sliced", "keyName", "SYNTAX", "walk", "OWN", "LEXICAL", "collect", "atTheTop"];
const LEXICAL = [${lexical}];
function collect(found, roots) {
  for (const name of Object.getOwnPropertyNames(globalThis)) try { roots.push([name, globalThis[name]]); } catch {}
  walk((object, path, keys) => {
    if (OWN.includes(path) || path.startsWith("find.") || path.startsWith("SYNTAX") || path.startsWith("walk.")) return;
    const names = keys.map(keyName).filter((name) => path !== "globalThis" || !OWN.includes(name));
    if (names.length > 0) found[path] = [...new Set([...(found[path] ?? []), ...names])];
  }, roots);
  const globals = found.globalThis ?? [];
  found.globalThis = [...new Set([...globals, ...LEXICAL.filter(([, type]) => type() !== "undefined").map(([name]) => name)])];
  return found;
}
// What is there while the module is loaded may be gone afterwards.
const atTheTop = collect({}, [["import.meta", import.meta]]);
export function find() {
  const roots = [["this", this], ["import.meta", import.meta], ["new.target", new.target]];
  for (let i = 1; i < arguments.length; i++) roots.push(["arguments." + i, arguments[i]]);
  return collect({ ...atTheTop }, roots);
}`,
    ["find"],
  );
}
