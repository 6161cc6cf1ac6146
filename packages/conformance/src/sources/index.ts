import { freshJavascript, freshPython, freshWasm } from "./fresh-guests.ts";
import { javascriptGuests } from "./javascript.ts";
import type { KitGuest } from "./kit-guest.ts";
import { pythonGuests } from "./python.ts";
import { wasmGuests } from "./wasm.ts";

const BY_LANGUAGE: Readonly<Record<string, () => ReadonlyMap<string, KitGuest>>> = {
  javascript: () => new Map([...javascriptGuests(), ...freshJavascript()]),
  python: () => new Map([...pythonGuests(), ...freshPython()]),
  wasm: () => new Map([...wasmGuests(), ...freshWasm()]),
};

/** The guests that the kit brings for a language, by name; none for one that it does not know. */
export function kitGuests(language: string): ReadonlyMap<string, KitGuest> {
  return Object.hasOwn(BY_LANGUAGE, language) ? BY_LANGUAGE[language]!() : new Map();
}
