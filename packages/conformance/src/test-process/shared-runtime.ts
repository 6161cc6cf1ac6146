import type { Runtime } from "extruntime";

/** Starting the workers of a runtime takes longer than most attempts to escape take. */
export class SharedRuntime {
  readonly #create: () => Promise<Runtime>;
  #runtime: Promise<Runtime> | undefined;

  constructor(create: () => Promise<Runtime>) {
    this.#create = create;
  }

  readonly get = (): Promise<Runtime> => {
    this.#runtime ??= this.#create();
    return this.#runtime;
  };

  /** A test with a runtime of its own is to find nothing else of the engine in this process. */
  async close(): Promise<void> {
    const runtime = this.#runtime;
    this.#runtime = undefined;
    await (await runtime)?.close({ abort: true });
  }
}
