import { describe, expect, it } from "vitest";
import { assemble, failure, guestFunction, loadGuest, pointerGuest } from "./guests.ts";

const FAIL = '(import "extruntime" "fail" (func $fail (param i32 i32 i32 i32)))';
/** Fails with a name of its own and the payload as the message; a payload of no bytes comes back. */
const REFUSES = `(data (i32.const 16) "TypeError")
  ${guestFunction(
    "echo",
    `(if (local.get $length) (then (call $fail (i32.const 16) (i32.const 9) (local.get $pointer) (local.get $length))))
     (call $copy (local.get $pointer) (local.get $length))`,
  )}`;

describe("a guest that fails by extruntime.fail", () => {
  it("has its own name and message in the error, and its functions in the stack; its module works on", async () => {
    const module = await loadGuest(pointerGuest(REFUSES, { imports: FAIL }));
    const error = await failure(() => module.invoke("echo", "kein Name: ß😀"));
    expect(error).toMatchObject({
      code: "ERR_EXT_GUEST",
      guest: { name: "TypeError", message: "kein Name: ß😀", stack: expect.stringMatching(/^TypeError: .*\n.*echo/) },
    });
    expect(module.invokeSync("echo", "")).toBe("null");
  });

  it("ends there, though it catches what ended it", async () => {
    const caught = guestFunction(
      "echo",
      `(try (do (call $fail (i32.const 16) (i32.const 0) (i32.const 16) (i32.const 0))) (catch_all))
       (call $copy (local.get $pointer) (local.get $length))`,
    );
    const module = await loadGuest(pointerGuest(caught, { imports: FAIL }));
    expect(await failure(() => module.invoke("echo", "1"))).toMatchObject({ guest: { name: "Error", message: "" } });
  });

  it("may be a command without an allocator", async () => {
    const command = assemble(`(module ${FAIL} (memory (export "memory") 1) (data (i32.const 16) "Odd")
      (func (export "_start") (call $fail (i32.const 16) (i32.const 3) (i32.const 17) (i32.const 2))))`);
    const module = await loadGuest(command);
    expect(await failure(() => module.invoke("echo", "1"))).toMatchObject({ guest: { name: "Odd", message: "dd" } });
  });

  it.each([
    [65_537, 0],
    [16, 65_536],
    [-1, 2],
  ])("is refused a text outside its memory: %i, %i", async (start, length) => {
    const outside = guestFunction(
      "echo",
      `(call $fail (i32.const 16) (i32.const 1) (i32.const ${start}) (i32.const ${length})) (i64.const 0)`,
    );
    const module = await loadGuest(pointerGuest(outside, { imports: FAIL }));
    expect(await failure(() => module.invoke("echo", "1"))).toMatchObject({ guest: { name: "AbiError" } });
  });

  it("has a message of limits.errorChars at the most", async () => {
    const long = guestFunction(
      "echo",
      "(call $fail (i32.const 16) (i32.const 1) (local.get $pointer) (local.get $length)) (i64.const 0)",
    );
    const module = await loadGuest(pointerGuest(long, { imports: FAIL }));
    const { guest } = await failure(() => module.invoke("echo", "x".repeat(1_000_000)));
    expect(guest!.message.length).toBeLessThan(17_000);
  });
});
