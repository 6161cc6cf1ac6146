// See staying.d.mts.

export function staying(engine) {
  return {
    ...engine,
    origin: undefined,
    async compile(extension, context) {
      const program = await engine.compile(extension, context);
      const instantiate = async (call) => {
        const instance = await program.instantiate(call);
        const invoke = (fn, payload, limits) => instance.invokeHere(fn, payload, limits);
        return Object.defineProperties(instance, { invoke: { value: invoke }, ...LEFT_OUT });
      };
      return { instantiate, close: () => program.close() };
    },
  };
}

const LEFT_OUT = { invokeLater: { value: undefined }, ahead: { value: undefined } };
