import { fileURLToPath } from "node:url";

const url = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Of the repository. */
export const ROOT = url("../../");
export const BENCHMARKS = url("../");
export const GUESTS = url("../guests/");
export const FLOORS = url("../src/floors/");
export const PEERS = url("../peers/");
export const DOCS = url("../../docs/");
/** Runs land here; only the one that the report was written from is kept under version control. */
export const RESULTS = url("../results/");
/** What was found about promises that are not met. */
export const NOTES = url("../notes/");
