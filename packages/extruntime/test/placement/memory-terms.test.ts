import { expect, it } from "vitest";
import { guestError } from "../../src/errors.ts";
import { inMemoryTerms } from "../../src/placement/worker/call-limits.ts";

const python = (line: string, last: string) =>
  `Traceback (most recent call last):\n  File "g.py", line 9, in f\n    g()\n    ~^^\n  File "g.py", line 4, in g\n    ${line}\n${last}\n`;

it.each([
  ["an allocation in Python", "MemoryError", "", python("x = bytearray(10**9)", "MemoryError"), "ERR_EXT_MEMORY"],
  ["one of numpy's", "_ArrayMemoryError", "no room", python("x = ones(n)", "_ArrayMemoryError"), "ERR_EXT_MEMORY"],
  ["one of which the source is not known", "MemoryError", "", "MemoryError\n", "ERR_EXT_MEMORY"],
  ["a raise of the guest's", "MemoryError", "", python("raise MemoryError", "MemoryError"), "ERR_EXT_GUEST"],
  ["one with a text", "MemoryError", "mine", python("raise MemoryError('mine')", "MemoryError: mine"), "ERR_EXT_GUEST"],
  [
    "one after a real one",
    "MemoryError",
    "",
    `${python("x = bytearray(n)", "MemoryError")}\nDuring handling of the above exception, another exception occurred:\n\n${python("raise MemoryError", "MemoryError")}`,
    "ERR_EXT_GUEST",
  ],
])("tells of %s what it is", (_what, name, message, stack, code) => {
  const error = guestError({ name, message, stack });
  expect(inMemoryTerms(error, true)).toMatchObject({ code });
  expect(inMemoryTerms(error, false)).toBe(error);
});

it("tells a buffer that V8 refused from an error of the same words", () => {
  const thrown = (make: () => unknown): unknown => {
    try {
      return make();
    } catch (error) {
      const { name, message, stack } = error as Error;
      return inMemoryTerms(guestError({ name, message, stack: stack ?? "" }), true);
    }
  };
  expect(thrown(() => new ArrayBuffer(2 ** 52))).toMatchObject({ code: "ERR_EXT_MEMORY" });
  const lie = () => {
    throw new RangeError("Array buffer allocation failed");
  };
  expect(thrown(lie)).toMatchObject({ code: "ERR_EXT_GUEST" });
});
