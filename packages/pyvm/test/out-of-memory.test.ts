import { expect, it } from "vitest";
import { isOutOfMemory } from "../src/out-of-memory.ts";

const python = (line: string, last: string) =>
  `Traceback (most recent call last):\n  File "g.py", line 9, in f\n    g()\n    ~^^\n  File "g.py", line 4, in g\n    ${line}\n${last}\n`;

it.each([
  ["an allocation in Python", "MemoryError", "", python("x = bytearray(10**9)", "MemoryError"), true],
  ["one of numpy's", "_ArrayMemoryError", "no room", python("x = ones(n)", "_ArrayMemoryError"), true],
  ["one of which the source is not known", "MemoryError", "", "MemoryError\n", true],
  ["a raise of the guest's", "MemoryError", "", python("raise MemoryError", "MemoryError"), false],
  ["one with a text", "MemoryError", "mine", python("raise MemoryError('mine')", "MemoryError: mine"), false],
  [
    "one after a real one",
    "MemoryError",
    "",
    `${python("x = bytearray(n)", "MemoryError")}\nDuring handling of the above exception, another exception occurred:\n\n${python("raise MemoryError", "MemoryError")}`,
    false,
  ],
  ["another error", "ValueError", "", python("x = bytearray(n)", "ValueError"), false],
])("tells of %s what it is", (_what, name, message, stack, refused) => {
  expect(isOutOfMemory({ name, message, stack })).toBe(refused);
});
