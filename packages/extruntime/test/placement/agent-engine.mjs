/** An engine for the tests of a worker's side: a call says with its payload what becomes of the instance. */
export function makeEngine() {
  return {
    compile: () => ({ instantiate: () => new TestInstance(), close() {} }),
  };
}

class TestInstance {
  broken = false;

  async invoke(_fn, payload) {
    if (this.broken) throw new Error("it was called though it is broken");
    this.broken = payload.startsWith('"break');
    if (payload.endsWith('hand back"')) throw Symbol.for("extruntime.notStarted");
    return payload;
  }

  close() {}
}
