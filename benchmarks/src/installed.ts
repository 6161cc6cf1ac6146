import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { PEERS, ROOT } from "./paths.ts";
import type { InstalledSize } from "./result.ts";
import { PEER_LIST } from "./subjects/peers.ts";

interface PackageManifest {
  readonly name: string;
  readonly version: string;
  readonly files?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** What each engine package and each installed peer takes on disk, with everything that it depends on. */
export function installedSizes(): InstalledSize[] {
  const engines = readdirSync(join(ROOT, "packages"))
    .map((name) => join(ROOT, "packages", name))
    .filter((dir) => existsSync(join(dir, "package.json")))
    .map((dir) => measure(dir, "engine"));
  const peers = [...new Set(PEER_LIST.map((peer) => peer.package))]
    .map((name) => ({ name, dir: peerFolder(name) }))
    .filter(({ dir }) => existsSync(dir))
    .map(({ dir }) => measure(realpathSync(dir), "peer"));
  return [...engines, ...peers];
}

/** isolated-vm is installed in the version for this Node, under a name with its number. */
function peerFolder(name: string): string {
  const major = Number(process.versions.node.split(".")[0]);
  const folder = name === "isolated-vm" ? `isolated-vm-${major >= 24 ? 7 : major >= 22 ? 6 : 5}` : name;
  return join(PEERS, "node_modules", folder);
}

function measure(dir: string, kind: InstalledSize["kind"]): InstalledSize {
  const manifest = read(dir);
  const seen = new Map<string, number>([[dir, publishedBytes(dir, manifest)]]);
  const rest = [dir];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    for (const dependency of dependenciesOf(next)) {
      if (seen.has(dependency)) continue;
      seen.set(dependency, publishedBytes(dependency, read(dependency)));
      rest.push(dependency);
    }
  }
  const totalBytes = [...seen.values()].reduce((sum, bytes) => sum + bytes, 0);
  return {
    name: manifest.name,
    version: manifest.version,
    kind,
    ownBytes: seen.get(dir)!,
    totalBytes,
    packages: seen.size,
  };
}

function dependenciesOf(dir: string): string[] {
  const { dependencies, optionalDependencies, peerDependencies } = read(dir);
  return Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }).flatMap(
    (name) => resolve(dir, name) ?? [],
  );
}

/** Upwards through `node_modules`, as Node does. One that is optional may not be there. */
function resolve(from: string, name: string): string | undefined {
  for (let dir = from; dirname(dir) !== dir; dir = dirname(dir)) {
    const candidate = join(dir, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) return realpathSync(candidate);
  }
  return undefined;
}

/** A package of this workspace holds sources and tests that are not published; one from a registry holds what is. */
function publishedBytes(dir: string, { files }: PackageManifest): number {
  if (files === undefined || dir.includes(`${join("node_modules", ".pnpm")}`)) return bytesUnder(dir);
  const published = ["package.json", ...files].map((file) => join(dir, file)).filter(existsSync);
  return published.reduce((sum, path) => sum + bytesUnder(path), 0);
}

function bytesUnder(path: string): number {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.size;
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => !entry.isSymbolicLink() && entry.name !== "node_modules")
    .reduce((sum, entry) => sum + bytesUnder(join(path, basename(entry.name))), 0);
}

function read(dir: string): PackageManifest {
  return JSON.parse(readFileSync(join(dir, "package.json"), "utf8")) as PackageManifest;
}
