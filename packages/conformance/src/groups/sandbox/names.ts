import assert from "node:assert/strict";
import type { Bench } from "../../bench/bench.ts";
import { refusal } from "../../expect/expect.ts";
import type { Subject } from "../../facts/facts.ts";
import { ECMASCRIPT, OF_EVERY_FUNCTION, OTHER_GLOBALS, PLATFORM } from "../../sources/ecmascript-names.ts";
import { namesGuest } from "../../sources/javascript-names.ts";
import { HOST_FUNCTION } from "../../sources/kit-guest.ts";
import { pythonNames } from "../../sources/python-names.ts";
import { importingGuest, strangeImports } from "../../sources/wasm-names.ts";
import type { Test } from "../test.ts";

/** Every name that a guest can find belongs to its language, or the setup says why it is there. */
export function nameTests({ language }: Subject): Test[] {
  const own = Object.hasOwn(BY_LANGUAGE, language) ? BY_LANGUAGE[language] : undefined;
  return own === undefined ? [] : [{ ...own, shares: true }];
}

const javascript: Test = {
  name: "a guest finds no name that its language does not have",
  run: (bench) => expectKnown(bench, namesGuest(), (found) => unknownNames(found, bench.names)),
};

const python: Test = {
  name: "a guest finds no name that its language does not have",
  run: (bench) =>
    expectKnown(bench, pythonNames(), ({ unknown = [] }) => unknown.filter((name) => !(name in bench.names))),
};

/** What a module imports is all that it has of its host, and none can list what there is: so it tries what hosts offer. */
const wasm: Test = {
  name: "a module that imports what its language does not have is refused",
  async run(bench) {
    const runtime = await bench.runtime();
    for (const [module, name] of strangeImports()) {
      if (`${module}.${name}` in bench.names) continue;
      const load = bench.loadSource(bench.extension(importingGuest(module, name), "imports"), undefined, runtime);
      await refusal(
        () => load,
        ["ERR_EXT_GUEST", "ERR_EXT_UNSUPPORTED", "ERR_EXT_DENIED"],
        `a module that imports ${module}.${name}`,
      );
    }
  },
};

const BY_LANGUAGE: Readonly<Record<string, Test>> = { javascript, python, wasm };

type Found = Readonly<Record<string, readonly string[]>>;

async function expectKnown(
  bench: Bench,
  guest: ReturnType<typeof namesGuest>,
  unknown: (found: Found) => string[],
): Promise<void> {
  const { manifest, files } = bench.extension(guest, "names");
  for (const permissions of bench.subject.capabilities.hostFunctions ? [[], [HOST_FUNCTION]] : [[]]) {
    const hostFunctions = { [HOST_FUNCTION]: (value: unknown) => value };
    const module = await bench.loadSource(
      { manifest: { ...manifest, permissions }, files },
      { hostFunctions },
      await bench.runtime(),
    );
    // Twice: the first call may have had something made.
    for (let i = 0; i < 2; i++) {
      const names = unknown(await bench.answered(module.call<Found>("find"), "a guest that lists what it finds"));
      assert.deepEqual(
        names,
        [],
        `a guest finds what its language does not have: ${names.join(", ")}. What is there for a reason is named in the setup's "names", with that reason`,
      );
    }
  }
}

const words = (text: string) => text.split(" ");
const EVERY_FUNCTION = new Set(words(OF_EVERY_FUNCTION));
/** For objects whose path is not in the table: prototypes of iterators and the like, which engines name differently. */
const ANYWHERE = new Set(
  Object.entries(ECMASCRIPT).flatMap(([path, names]) => (path === "globalThis" ? [] : words(names))),
);

/** An edition of the language that is too young for a list. */
const ANYTHING = { has: () => true };

/** Paths of what is not known. An object that is not known has one path, and not those of all that is in it. */
export function unknownNames(found: Found, declared: Readonly<Record<string, string>>): string[] {
  const unknown = new Set<string>();
  for (const [path, keys] of Object.entries(found)) {
    if ([...unknown].some((above) => path === above || path.startsWith(`${above}.`) || path.startsWith(`${above} (`)))
      continue;
    const known = knownAt(path);
    for (const key of keys) {
      const at = path === "globalThis" ? key : `${path}.${key}`;
      if (!EVERY_FUNCTION.has(key) && !known.has(key) && !(at in declared)) unknown.add(at);
    }
  }
  return [...unknown];
}

function knownAt(path: string): { has(name: string): boolean } {
  // The global object's own prototypes are `Object.prototype`, or have the names of the global object.
  if (path === "globalThis" || path.startsWith("globalThis."))
    return new Set([
      ...words(ECMASCRIPT.globalThis!),
      ...words(OTHER_GLOBALS),
      ...(path === "globalThis" ? [] : words(ECMASCRIPT["Object.prototype"]!)),
    ]);
  if (path === "Temporal" || path.startsWith("Temporal.")) return ANYTHING;
  const names = ECMASCRIPT[path] ?? PLATFORM[path];
  if (names !== undefined) return new Set(words(names));
  const end = path.lastIndexOf(".");
  const above = end === -1 ? ECMASCRIPT.globalThis : (ECMASCRIPT[path.slice(0, end)] ?? PLATFORM[path.slice(0, end)]);
  // A function of the language, which has nothing but what every function has.
  return above !== undefined && words(above).includes(path.slice(end + 1)) ? EVERY_FUNCTION : ANYWHERE;
}
