import { builtinModules } from "node:module";
import { javascript } from "../sources/javascript.ts";
import { WALK } from "../sources/javascript-walk.ts";
import type { Escape } from "./escape.ts";

/** What is not called: it would not return, or would end what looks. */
const NOT_CALLED = ["calls", "wait"];

/** Attempts by whatever a guest can find, under whatever name. */
export const nameEscapes: readonly Escape[] = [
  {
    name: "calls everything that it finds with the secret's path",
    guest: () =>
      javascript(
        `${WALK}
const says = new NewSet();
const say = (value, depth = 0) => { if (typeof value === "string") { if (value.length > 0 && says.size < 5000) toSet(says, sliced(value, 0, 300)); } else if (isObject(value) && depth < 2) { try { say(value.stack); say(value.message); for (const key of ownKeys(value).slice(0, 20)) say(getOwnPropertyDescriptor(value, key)?.value, depth + 1); } catch {} } };
export async function calls(canary) {
  const found = [];
  walk((object, path, keys) => { for (const key of keys) { const d = getOwnPropertyDescriptor(object, key); if (d !== undefined) for (const value of [d.value, d.get, d.set]) if (typeof value === "function" && !${JSON.stringify(NOT_CALLED)}.includes(value.name)) found.push([value, object]); } }, [["this", this], ["import.meta", import.meta], ["arguments.1", arguments[1]]]);
  const waits = [];
  const own = ["host", "console"].map((name) => globalThis[name]).filter(isObject);
  for (const [fn, holder] of found) {
    const ways = [() => fn(canary.file), () => fn(canary.file, "utf8"), () => fn(canary.env), () => fn("cat " + canary.file), () => fn([canary.file]), () => new fn(canary.file)];
    if (own.includes(holder)) ways.push(() => apply(fn, holder, [canary.file]));
    for (const way of ways) { try { const got = way(); if (got instanceof Promise) waits.push(got); else if (!(Array.isArray(got) && got.length > 1e4)) say(got); } catch (error) { say(error); } }
  }
  for (const each of waits) { try { say(await Promise.race([each, new Promise((resolve) => Promise.resolve().then(() => Promise.resolve()).then(resolve))])); } catch (error) { say(error); } }
  return [...says].join("\\n");
}`,
        ["calls"],
      ),
  },
  {
    name: "import() of every module of Node, and of other hosts",
    guest: () =>
      javascript(
        `const names = ${JSON.stringify(moduleNames())};
export async function attempt() {
  const got = [];
  for (const name of names) { try { const found = await import(name); got.push(name + ": " + Object.keys(found).slice(0, 5)); } catch {} }
  return { escaped: got };
}`,
        ["attempt"],
      ),
  },
];

function moduleNames(): string[] {
  const own = builtinModules.flatMap((name) => [name, name.startsWith("node:") ? name : `node:${name}`]);
  return [
    ...own,
    "node:sea",
    "node:sqlite",
    "node:test",
    "std",
    "os",
    "qjs:std",
    "qjs:os",
    "bjson",
    "bun",
    "bun:ffi",
    "ext:core/ops",
    "internal/process",
    "extruntime",
    "host",
    "fs.js",
    "internal:fs",
  ];
}
