import assert from "node:assert/strict";
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HostFunctions } from "extruntime";
import { answered } from "../expect/expect.ts";
import { SECRET, SECRET_ENV } from "./host-secret.ts";
import { changes, type Fingerprint, fingerprint } from "./realm-fingerprint.ts";

/** What an escape is told to aim at. It gets it as its payload. */
export interface Canary {
  /** Absolute path of a file with the secret; it is an ES module too, and exports it as `default`. */
  readonly file: string;
  /** Folder of that file. */
  readonly folder: string;
  /** A file in the folder that is not there, and must not come to be. */
  readonly marker: string;
  /** Environment variable that holds the secret. */
  readonly env: string;
  /** Port of 127.0.0.1 where nobody may knock. */
  readonly port: number;
  /** Process id of the host. */
  readonly pid: number;
  /** An open file descriptor of the host, for reading and writing. */
  readonly fd: number;
}

/** Things of the host that no guest may see or change, and whether they are untouched. */
export class CanaryCage {
  readonly canary: Canary;
  readonly #secret: string;
  readonly #server: Server;
  readonly #content: string;
  readonly #realm: Fingerprint;
  readonly #cwd = process.cwd();
  readonly #exitCode = process.exitCode;
  #knocks = 0;

  private constructor(server: Server, port: number) {
    this.#secret = SECRET;
    this.#content = `export default ${JSON.stringify(this.#secret)};\n`;
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "extruntime-cage-")));
    const file = join(folder, "secret.mjs");
    writeFileSync(file, this.#content);
    process.env[SECRET_ENV] = this.#secret;
    this.#server = server;
    server.on("connection", (socket) => {
      this.#knocks++;
      socket.destroy();
    });
    this.canary = {
      file,
      folder,
      marker: join(folder, "marker"),
      env: SECRET_ENV,
      port,
      pid: process.pid,
      fd: openSync(file, "r+"),
    };
    this.#realm = fingerprint();
  }

  static async open(): Promise<CanaryCage> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    return new CanaryCage(server, typeof address === "object" && address !== null ? address.port : 0);
  }

  /** What is offered to an attempt that asks for host functions; `seen` is told where one is handed what is no plain JSON value. */
  hostFunctions(seen: string[]): HostFunctions {
    const plain = (value: unknown) => {
      if (!isPlain(value)) seen.push('{"escaped":"an object of its own reached a host function"}');
      return value;
    };
    return {
      "kit.echo": plain,
      "kit.later": (value: unknown) => new Promise((resolve) => setImmediate(resolve, plain(value))),
      "kit.fail": (value: unknown) => {
        // Name, message, code, data and causes of an error are told to the guest, and nothing else of it.
        const kept = { secret: this.#secret, stack: this.#secret, toJSON: () => this.#secret };
        const cause = Object.assign(new Error("its cause"), kept);
        throw Object.assign(new RangeError(`refused: ${JSON.stringify(plain(value))}`, { cause }), kept);
      },
      "kit.secret": () => this.#secret,
    };
  }

  /** Fails where something was touched. `seen` is all that came out of the guest. */
  async check(seen: readonly string[], patienceMs: number): Promise<void> {
    // What a guest set going must have its turn before the look.
    await answered(turns(3), "a turn of the host's event loop", patienceMs);
    const { file, folder, fd } = this.canary;
    for (const text of seen) {
      assert.ok(!text.includes(this.#secret), "the guest got hold of the host's secret");
      const how = escapeIn(text);
      assert.ok(how === undefined, `the guest says that it escaped: ${how}`);
    }
    assert.ok(readdirSync(folder).join() === "secret.mjs", "the guest changed a folder of the host");
    assert.ok(readFileSync(file, "utf8") === this.#content, "the guest wrote a file of the host");
    assert.ok(isOpen(fd), "the guest closed a file descriptor of the host");
    assert.ok(process.env[SECRET_ENV] === this.#secret, "the guest changed the host's environment");
    assert.ok(process.cwd() === this.#cwd, "the guest changed the host's working directory");
    assert.ok(process.exitCode === this.#exitCode, "the guest set the host's exit code");
    assert.ok(this.#knocks === 0, "the guest opened a network connection");
    const changed = changes(this.#realm, fingerprint());
    assert.ok(changed.length === 0, `the guest changed the host's ${changed.join(", ")}`);
  }

  async close(): Promise<void> {
    if (isOpen(this.canary.fd)) closeSync(this.canary.fd);
    if (existsSync(this.canary.folder)) rmSync(this.canary.folder, { recursive: true });
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** By convention an attempt that got out answers `{ "escaped": how }`. */
function escapeIn(text: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, "escaped")) return undefined;
  const { escaped } = value as { escaped: unknown };
  const isNothing = !escaped || (Array.isArray(escaped) && escaped.length === 0);
  return isNothing ? undefined : JSON.stringify(escaped);
}

/** Whether it is what JSON text of the host's realm is read as, looked at without running what is in it. */
function isPlain(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return typeof value !== "function" && typeof value !== "symbol";
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== Array.prototype) return false;
  return Object.values(Object.getOwnPropertyDescriptors(value)).every((each) => "value" in each && isPlain(each.value));
}

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}
