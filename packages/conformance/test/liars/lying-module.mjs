// A module as its user holds it, above the core: answers and errors of calls, members, `close`.

export class LyingModule {
  #module;
  #ledger;
  #closes = 0;
  /** Of another module's call and one of this, each waiting for its answer: they have each other's. */
  static #waiting = new WeakMap();

  constructor(module, ledger) {
    this.#module = module;
    this.#ledger = ledger;
  }

  get name() {
    return this.#member("name");
  }
  get version() {
    return this.#member("version");
  }
  get runtime() {
    return this.#member("runtime");
  }
  get exports() {
    return this.#member("exports");
  }
  get placement() {
    return this.#member("placement");
  }
  get capabilities() {
    return this.#member("capabilities");
  }
  get manifest() {
    return this.#member("manifest");
  }
  get limits() {
    return this.#member("limits");
  }
  get closed() {
    return this.#member("closed");
  }
  stats() {
    return this.#member("stats").call(this.#module.raw);
  }

  invoke(fn, payload, options) {
    const { raw } = this.#module;
    if (typeof fn !== "string" || typeof payload !== "string") return raw.invoke(fn, payload, options);
    return this.#later({ method: "invoke", fn, payload, options }, (call) =>
      raw.invoke(call.fn, call.payload, call.options),
    );
  }

  call(fn, value, options) {
    const { raw } = this.#module;
    const payload = value === undefined ? "null" : JSON.stringify(value);
    if (typeof fn !== "string" || typeof payload !== "string") return raw.call(fn, value, options);
    const answered = this.#later({ method: "call", fn, payload, options }, (call) =>
      raw
        .call(call.fn, call.payload === payload ? value : JSON.parse(call.payload), call.options)
        .then((result) => JSON.stringify(result)),
    );
    return answered.then((text) => JSON.parse(text));
  }

  invokeSync(fn, payload, options) {
    const { raw } = this.#module;
    if (typeof fn !== "string" || typeof payload !== "string") return raw.invokeSync(fn, payload, options);
    const call = { method: "invokeSync", fn, payload, options };
    this.#begin();
    try {
      let text;
      try {
        const asked = this.#asked(call);
        if (asked.answer !== undefined) return asked.answer;
        if (asked.twice) attempt(() => raw.invokeSync(asked.fn, asked.payload, asked.options));
        text = raw.invokeSync(asked.fn, asked.payload, asked.options);
      } catch (error) {
        return this.#failure(call, error);
      }
      return this.#answer(call, text);
    } finally {
      this.#end();
    }
  }

  close(options) {
    const { raw } = this.#module;
    const again = this.#closes++ > 0;
    const close = (given = options) => raw.close(given);
    const event = { module: this.#module, options, again, size: 0, runtime: this.#ledger.runtime };
    const told = this.#ledger.tell("closes", event, (mutate) => mutate(close, options, event));
    const { runtime } = this.#ledger;
    if (!again) {
      runtime.closed++;
      runtime.open--;
      runtime.modules.delete(raw);
    }
    return told ?? close();
  }

  [Symbol.asyncDispose]() {
    return this.close();
  }

  #member(key) {
    const { raw } = this.#module;
    const event = { module: { ...this.#module, counts: { modules: this.#module.counts.answers ?? 0 } }, size: 0 };
    const told = this.#ledger.tell("modules", event, (mutate) => {
      const members = mutate(raw);
      return members !== undefined && key in members ? members : undefined;
    });
    return (told ?? raw)[key];
  }

  async #later(call, action) {
    this.#begin();
    try {
      const waits = { module: this.#module, result: undefined };
      const asked = this.#asked(call);
      if (asked.answer !== undefined) return asked.answer;
      if (asked.twice) action(asked).catch(() => {});
      waits.result = asked.late
        ? new Promise((resolve) => setImmediate(resolve)).then(() => action(asked))
        : action(asked);
      const other = this.#swap(waits);
      let text;
      try {
        text = await waits.result;
        if (other !== undefined) text = await other.result.catch(() => text);
        else if (waits.other !== undefined) text = await waits.other.result.catch(() => text);
      } catch (error) {
        return this.#failure(call, error);
      }
      return this.#answer(call, text);
    } finally {
      this.#end();
    }
  }

  /** What is asked of the honest module. */
  #asked(call) {
    const event = { ...call, module: this.#module, size: call.payload.length };
    return this.#ledger.tell("calls", event, (mutate, whole) => mutate(call, whole)) ?? call;
  }

  /** With the lie "answers: swapped with another module's", the call of another module that waits. */
  #swap(waits) {
    const { lie } = this.#ledger;
    if (lie?.swaps !== true) return undefined;
    const waiting = LyingModule.#waiting.get(this.#ledger);
    if (waiting !== undefined && waiting.module !== this.#module && waiting.module.underWay > 0) {
      LyingModule.#waiting.delete(this.#ledger);
      const told = this.#ledger.tell("answers", { module: this.#module, size: 0 }, () => "swapped");
      if (told === undefined) return undefined;
      waiting.other = waits;
      return waiting;
    }
    LyingModule.#waiting.set(this.#ledger, waits);
    return undefined;
  }

  #answer(call, text) {
    const ledger = this.#ledger;
    const module = this.#module;
    const event = { ...call, module, size: Math.max(call.payload.length, text.length) };
    try {
      const told = ledger.tell("answers", event, (mutate, whole) => {
        const said = mutate(text, whole);
        return said === text ? undefined : said;
      });
      return told ?? text;
    } finally {
      module.lastFailed = false;
      ledger.said(module, "answer", text);
      this.#note(call);
    }
  }

  #failure(call, error) {
    const ledger = this.#ledger;
    const event = { ...call, module: this.#module, size: call.payload.length };
    const told = ledger.tell("errors", event, (mutate, whole) => {
      const said = mutate(error, whole);
      return said === error ? undefined : said;
    });
    ledger.failed(this.#module, error);
    ledger.said(this.#module, "error", error);
    this.#note(call);
    if (told?.answer !== undefined) return told.answer;
    throw told ?? error;
  }

  #note({ fn }) {
    Object.assign(this.#ledger.runtime.memory, { fn, name: this.#module.name });
  }

  #begin() {
    this.#module.underWay++;
    this.#ledger.runtime.underWay++;
  }

  #end() {
    this.#module.underWay--;
    this.#ledger.runtime.underWay--;
  }
}

function attempt(call) {
  try {
    call();
  } catch {
    // The second one says the same.
  }
}
