import type { SubjectInfo } from "../src/result.ts";

/** Colours have meaning: one an engine, grey for floors, brown for peers. The style sheet has a shade for each theme. */
const ENGINES = ["native", "quickjs", "wasm", "v8", "pyvm", "pywasm"];

export function familyOf({ kind, engine }: SubjectInfo): string {
  if (kind === "engine") return engine !== undefined && ENGINES.includes(engine) ? engine : "other";
  return kind;
}

export function colorOf(subject: SubjectInfo): string {
  return `var(--${familyOf(subject)})`;
}

/** Placements differ in shape and in the dashes of their lines. */
export const SYMBOLS = { inline: "circle", thread: "triangle", process: "square" } as const;
export const DASHES = { inline: "none", thread: "6 3", process: "2 3" } as const;

export const KIND_TITLES = { engine: "Engines", floor: "Floors", peer: "Peers" } as const;
