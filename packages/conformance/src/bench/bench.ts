import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { ExtensionSource, LoadOptions, ManifestInput, Module, Runtime } from "extruntime";
import type { Escape } from "../escapes/escape.ts";
import { answered } from "../expect/expect.ts";
import type { Subject } from "../facts/facts.ts";
import { type FilesInMemory, type Guests, inMemory } from "../sources/guests.ts";
import type { KitGuest } from "../sources/kit-guest.ts";
import { Witness } from "../witness/witness.ts";
import { WitnessedRuntime } from "../witness/witnessed-module.ts";

/** Milliseconds between looks at what is waited for. */
const LOOK_MS = 5;

/** How a line of comment begins, by the ending of a module's name. */
const COMMENTS: Readonly<Record<string, string>> = { js: "//", mjs: "//", cjs: "//", py: "#" };

export interface BenchSetup {
  /** Makes a runtime for this test. */
  readonly create: () => Promise<Runtime>;
  /** In its place for a test that shares one with others: it is not closed after the test. */
  readonly shared: (() => Promise<Runtime>) | undefined;
  /** URL of the engine's module. */
  readonly engine: string;
  readonly subject: Subject;
  readonly guests: Guests;
  readonly validate: readonly string[];
  readonly escapes: readonly Escape[];
  /** Names that the setup declares, with the reasons. */
  readonly names: Readonly<Record<string, string>>;
  readonly patienceMs: number;
}

/** What a test works with: runtimes of the engine, and its guests. Everything it hands out is closed after the test. */
export class Bench {
  readonly engine: string;
  readonly subject: Subject;
  readonly guests: Guests;
  readonly validate: readonly string[];
  readonly escapes: readonly Escape[];
  readonly names: Readonly<Record<string, string>>;
  readonly #setup: BenchSetup;
  readonly #witness: Witness;
  readonly #runtimes: Runtime[] = [];
  /** Of a runtime that is shared. */
  readonly #modules: Module[] = [];

  constructor(setup: BenchSetup) {
    this.engine = setup.engine;
    this.subject = setup.subject;
    this.guests = setup.guests;
    this.validate = setup.validate;
    this.escapes = setup.escapes;
    this.names = setup.names;
    this.#setup = setup;
    this.#witness = new Witness(setup.subject, setup.engine);
  }

  /** A runtime of its own for this test, or the one that it shares. */
  async runtime(): Promise<Runtime> {
    if (this.#setup.shared !== undefined) return new WitnessedRuntime(await this.#setup.shared(), this.#witness);
    const runtime = new WitnessedRuntime(await this.#setup.create(), this.#witness);
    this.#runtimes.push(runtime);
    return runtime;
  }

  /** A guest by name, in a runtime of its own or in the one given. */
  load(guest: string, options?: LoadOptions, runtime?: Runtime): Promise<Module> {
    return this.loadSource(this.guests.source(guest), options, runtime);
  }

  /** A guest by name with members of its manifest replaced. */
  async loadWith(
    guest: string,
    manifest: Partial<ManifestInput>,
    options?: LoadOptions,
    runtime?: Runtime,
  ): Promise<Module> {
    return this.loadSource(await this.guests.files(guest, manifest), options, runtime);
  }

  async loadSource(source: ExtensionSource, options?: LoadOptions, runtime?: Runtime): Promise<Module> {
    const module = await (runtime ?? (await this.runtime())).load(source, options);
    if (this.#setup.shared !== undefined) this.#modules.push(module);
    return module;
  }

  /** An extension of the kit's own. Its name and its text are others in each run, so that nobody knows it by them. */
  extension(guest: KitGuest, name = "guest"): FilesInMemory {
    const word = randomBytes(5).toString("hex");
    const { module } = guest;
    const code = guest.files[module];
    const comment = COMMENTS[module.slice(module.lastIndexOf(".") + 1)];
    const files =
      typeof code === "string" && comment !== undefined
        ? { ...guest.files, [module]: `${code}\n${comment} ${word}\n` }
        : guest.files;
    return inMemory({ ...guest, files }, `${word}-${name.length}`, this.subject.runtime);
  }

  has(guest: string): boolean {
    return this.subject.guests.includes(guest);
  }

  /** Milliseconds: a share of the time after which the test counts as hanging. */
  patience(share: number): number {
    return this.#setup.patienceMs * share;
  }

  /** Fails by what hangs; the parent's patience, which is longer, ends a process that does not even get here. */
  answered<Value>(promise: Promise<Value>, what: string, share = 0.5): Promise<Value> {
    return answered(promise, what, this.#setup.patienceMs * share);
  }

  /** Resolves when `condition` holds. Fails by `what`, which is waited for, where it does not come. */
  async until(condition: () => boolean, what: string, share = 0.4): Promise<void> {
    const end = performance.now() + this.patience(share);
    while (!condition()) {
      if (performance.now() > end) assert.fail(`${what} has not come after ${this.patience(share)} ms`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  /** Throws the first fault that was seen of any call so far, beside what the test looks at: for a test that is long, and would see it at its end only. */
  testify(): void {
    this.#witness.testify();
  }

  /** Closes what the test opened, and throws what was seen beside what the test looked at. Calls that a test left running are aborted. */
  async cleanUp(): Promise<void> {
    const all = [...this.#modules, ...this.#runtimes];
    const closing = Promise.all(all.map((each) => each.close({ abort: true })));
    await this.answered(closing, "close({ abort: true }), after the test,");
    this.#witness.testify();
  }
}
