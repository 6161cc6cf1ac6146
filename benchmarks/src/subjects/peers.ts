import { existsSync } from "node:fs";
import { join } from "node:path";
import { PEERS } from "../paths.ts";
import type { GuestName, SubjectSpec } from "./subject.ts";

interface Peer {
  readonly id: string;
  readonly title: string;
  readonly language: SubjectSpec["language"];
  readonly placement?: SubjectSpec["placement"];
  readonly page: string;
  /** The npm package that a user would install. */
  readonly package: string;
  /** Flags of Node that its documentation asks for. */
  readonly flags?: readonly string[];
  /** What its file has besides the shared fixture. */
  readonly guests?: readonly GuestName[];
  /** Takes a second or more to be ready: left out of a quick run. */
  readonly slow?: boolean;
}

/** The packages that a user would take instead. How each is used is in the file of its name in benchmarks/peers. */
export const PEER_LIST: readonly Peer[] = [
  {
    id: "isolated-vm",
    title: "isolated-vm",
    language: "javascript",
    page: "https://github.com/laverdet/isolated-vm#api-documentation",
    package: "isolated-vm",
    guests: ["compute", "forever"],
    flags: ["--no-node-snapshot"],
  },
  {
    id: "sebastianwessel-quickjs",
    title: "@sebastianwessel/quickjs",
    language: "javascript",
    page: "https://sebastianwessel.github.io/quickjs/docs/basic-understanding.html",
    package: "@sebastianwessel/quickjs",
    slow: true,
  },
  {
    id: "extism",
    title: "@extism/extism",
    language: "wasm",
    page: "https://extism.org/docs/quickstart/host-quickstart",
    package: "@extism/extism",
  },
  {
    id: "extism-worker",
    title: "@extism/extism in a worker",
    language: "wasm",
    placement: "thread",
    page: "https://github.com/extism/js-sdk#run-extism-in-a-worker",
    package: "@extism/extism",
  },
  {
    id: "piscina",
    title: "piscina",
    language: "javascript",
    placement: "thread",
    page: "https://piscinajs.dev/api/class",
    package: "piscina",
  },
  {
    id: "node-calls-python",
    title: "node-calls-python",
    language: "python",
    page: "https://github.com/hmenyus/node-calls-python#examples",
    package: "node-calls-python",
    guests: ["compute"],
  },
  {
    id: "pyodide",
    title: "pyodide",
    language: "python",
    page: "https://pyodide.org/en/stable/usage/api/js-api.html",
    package: "pyodide",
    guests: ["compute"],
    slow: true,
  },
];

export function peerSpecs(): SubjectSpec[] {
  return PEER_LIST.map(({ id, title, language, placement = "inline", page, flags }) => ({
    id,
    title,
    kind: "peer",
    language,
    placement,
    primary: true,
    page,
    ...(flags && { flags }),
    source: { from: "peer", peer: id },
  }));
}

export function isSlow(id: string): boolean {
  return PEER_LIST.some((peer) => peer.id === id && peer.slow === true);
}

export function peersInstalled(): boolean {
  return existsSync(join(PEERS, "node_modules"));
}
