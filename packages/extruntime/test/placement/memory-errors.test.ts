import { expect, it } from "vitest";
import { guestError } from "../../src/errors.ts";
import { isRefusedBuffer } from "../../src/kit/refused-buffer.ts";
import { asMemoryError } from "../../src/placement/worker/call-limits.ts";

it("takes a guest's error for its memory limit where the engine says so, and for nothing else", () => {
  const error = guestError({ name: "NoRoom", message: "", stack: "" });
  expect(asMemoryError(error, { isOutOfMemory: ({ name }) => name === "NoRoom" })).toMatchObject({
    code: "ERR_EXT_MEMORY",
    cause: error,
  });
  expect(asMemoryError(error, { isOutOfMemory: () => false })).toBe(error);
  expect(asMemoryError(error, {})).toBe(error);
  const other = new Error("NoRoom");
  expect(asMemoryError(other, { isOutOfMemory: () => true })).toBe(other);
});

it("tells a buffer that V8 refused from an error of the same words", () => {
  const thrown = (make: () => unknown): unknown => {
    try {
      return make();
    } catch (error) {
      const { name, message, stack } = error as Error;
      const guest = guestError({ name, message, stack: stack ?? "" });
      return asMemoryError(guest, { isOutOfMemory: isRefusedBuffer });
    }
  };
  expect(thrown(() => new ArrayBuffer(2 ** 52))).toMatchObject({ code: "ERR_EXT_MEMORY" });
  const lie = () => {
    throw new RangeError("Array buffer allocation failed");
  };
  expect(thrown(lie)).toMatchObject({ code: "ERR_EXT_GUEST" });
});
