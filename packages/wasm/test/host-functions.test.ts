import type { HostFunction } from "extruntime";
import { describe, expect, it } from "vitest";
import { codeOf, failure, guestFunction, loadGuest, pointerGuest } from "./guests.ts";
import { caller, callNamed, HOST_CALL, hostGuest } from "./host-guest.ts";

/** The answer of one host function to one payload, as the guest has it. */
async function answerTo(f: HostFunction, payload = "null"): Promise<string> {
  return (await loadGuest(caller("f"), { hostFunctions: { f } })).invoke("echo", payload);
}

const failed = (name: string, message: string) => `!${JSON.stringify([name, message])}`;

describe("a guest that calls a function of the host", () => {
  it("gets its value, and the function the guest's value and who calls", async () => {
    const seen: unknown[] = [];
    const module = await loadGuest(caller("kv.get"), {
      name: "asks",
      hostFunctions: {
        "kv.get": (value: unknown, context) => {
          seen.push(value, context);
          return { value };
        },
      },
    });
    expect(await module.invoke("echo", '{"a": [1, "é😀\\u0000\\ud800"]}')).toBe(
      '={"value":{"a":[1,"é😀\\u0000\\ud800"]}}',
    );
    expect(seen).toMatchObject([{ a: [1, "é😀\0\ud800"] }, { extension: "asks", name: "kv.get", fn: "echo" }]);
    expect(module.invokeSync("echo", "[1]")).toBe('={"value":[1]}');
  });

  it("sends null where it sends nothing, and gets null where the function returns nothing", async () => {
    const seen: unknown[] = [];
    const answer = await answerTo((value) => {
      seen.push(value);
    }, "");
    expect(answer).toBe("=null");
    expect(seen).toEqual([null]);
  });

  it("gets what the function throws as a name and a message, and lives on", async () => {
    const module = await loadGuest(caller("f"), {
      hostFunctions: {
        f: (value: unknown) => {
          throw new TypeError(`no ${value}`);
        },
      },
    });
    expect(await module.invoke("echo", '"ß"')).toBe(failed("TypeError", "no ß"));
    expect(await module.invoke("echo", "2")).toBe(failed("TypeError", "no 2"));
    expect(module.stats()).toMatchObject({ failures: 0, instancesCreated: 1 });
  });

  it.each([
    ["null", null, failed("Error", "null")],
    ["a string", "text", failed("Error", "text")],
    [
      "what cannot be read",
      new Proxy(
        {},
        {
          get() {
            throw new Error("trap");
          },
        },
      ),
      failed("Error", "(it cannot be shown: reading it throws)"),
    ],
  ])("is told so when the function throws %s", async (_, thrown, expected) => {
    expect(
      await answerTo(() => {
        throw thrown;
      }),
    ).toBe(expected);
  });

  it.each([
    ["a BigInt", () => 1n, "TypeError"],
    ["a function", () => () => 1, "TypeError"],
    ["a cycle", cycle, "TypeError"],
    ["a promise, for which it cannot wait", async () => 1, "UnsupportedError"],
    ["a promise that is rejected", () => Promise.reject(new Error("late")), "UnsupportedError"],
  ])("is told so when the function returns %s", async (_, f, name) => {
    const answer = await answerTo(f as () => unknown);
    expect(answer[0]).toBe("!");
    expect(JSON.parse(answer.slice(1))[0]).toBe(name);
  });

  it("is told so when its payload is not JSON, or not UTF-8", async () => {
    const calls: unknown[] = [];
    const f = (value: unknown) => calls.push(value);
    expect(await answerTo(f, "{")).toMatch(/^!\["SyntaxError","the host function f takes JSON: /);
    const module = await loadGuest(
      hostGuest(`(i32.store8 offset=1 (local.get $pointer) (i32.const 255)) ${callNamed("f")}`),
      { hostFunctions: { f } },
    );
    expect(await module.invoke("echo", '" "')).toBe(failed("SyntaxError", "the host function f takes JSON in UTF-8"));
    expect(calls).toEqual([]);
  });

  it("exchanges 10 MB with it, and is told that 16 MiB are the most", async () => {
    const module = await loadGuest(caller("f"), { hostFunctions: { f: (value: unknown) => value } });
    const large = JSON.stringify("ü".repeat(5_000_000));
    expect(await module.invoke("echo", large)).toBe(`=${large}`);
    expect(await module.invoke("echo", " ".repeat(2 ** 24 + 1))).toBe(
      failed("RangeError", "the host function f takes up to 16777216 bytes of JSON, and got 16777217"),
    );
    expect(await module.invoke("echo", " ".repeat(2 ** 24))).toMatch(/^!\["SyntaxError"/);
    expect(module.stats().instancesCreated).toBe(1);
  });

  it("may call from _initialize of a reactor", async () => {
    const seen: unknown[] = [];
    const initialize =
      '(func (export "_initialize") (drop (call $host_call (i32.const 16) (i32.const 1) (i32.const 32) (i32.const 1))))';
    const guest = hostGuest(callNamed("f"), `(data (i32.const 32) "7") ${initialize}`);
    const module = await loadGuest(guest, { hostFunctions: { f: (value: unknown) => seen.push(value) } });
    expect(await module.invoke("echo", "8")).toBe("=2");
    expect(seen).toEqual([7, 8]);
  });

  it("owns the answer, and can call a million times in one call and in one buffer", async () => {
    let calls = 0;
    const body = `(local $answer i64) (local $left i32)
      (local.set $left (i32.const 1000000))
      (loop $again
        (local.set $answer ${callNamed("f")})
        (call $free (i32.wrap_i64 (i64.shr_u (local.get $answer) (i64.const 32))) (i32.wrap_i64 (local.get $answer)))
        (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
      ${callNamed("f")}`;
    const module = await loadGuest(hostGuest(body), {
      exports: ["echo", "live"],
      memoryMb: 1,
      hostFunctions: { f: () => ++calls },
    });
    expect(await module.invoke("echo", "1")).toBe("=1000001");
    expect(await module.invoke("live", "1")).toBe("1");
    expect(module.stats().instancesCreated).toBe(1);
  });
});

describe("what a host function may do", () => {
  it("calls other instances, of the same module too", async () => {
    const answers: string[] = [];
    const module = await loadGuest(caller("f"), {
      pool: 3,
      hostFunctions: {
        f: (depth: number) => {
          if (depth > 0) answers.push(module.invokeSync("echo", String(depth - 1)));
          return depth;
        },
      },
    });
    expect(module.invokeSync("echo", "2")).toBe("=2");
    expect(answers).toEqual(["=0", "=1"]);
    expect(module.stats().instancesCreated).toBe(3);
  });

  it("starts a call without waiting for it, and closes the module", async () => {
    const later: Promise<string>[] = [];
    let closed: Promise<void> | undefined;
    const module = await loadGuest(caller("f"), {
      hostFunctions: {
        f: (value: string) => {
          if (value === "call") later.push(module.invoke("echo", '"on"'));
          if (value === "close") closed = module.close({ abort: true });
          return value;
        },
      },
    });
    expect(await module.invoke("echo", '"call"')).toBe('="call"');
    expect(await Promise.all(later)).toEqual(['="on"']);
    expect(await module.invoke("echo", '"close"')).toBe('="close"');
    await closed;
    expect(await codeOf(() => module.invoke("echo", "1"))).toBe("ERR_EXT_CLOSED");
  });
});

describe("what was not granted", () => {
  it("is refused at load where the host does not offer it", async () => {
    expect(await codeOf(() => loadGuest(caller("f"), { permissions: ["f"] }))).toBe("ERR_EXT_DENIED");
  });

  it("fails as a call that is not permitted, also without permissions at all", async () => {
    const called: unknown[] = [];
    const hostFunctions = { f: () => called.push("f"), g: () => called.push("g") };
    const message = (name: string, granted: string) =>
      failed(
        "PermissionError",
        `the host function ${name} is not granted: "permissions" of extension.json asks for ${granted}`,
      );
    const some = await loadGuest(caller("f"), { hostFunctions, permissions: ["g"] });
    expect(await some.invoke("echo", "1")).toBe(message("f", "g"));
    const none = await loadGuest(caller("f"), { hostFunctions, permissions: [] });
    expect(await none.invoke("echo", "1")).toBe(message("f", "none"));
    for (const name of ["", "__proto__", "constructor", "toString", "f\0", "F"]) {
      const module = await loadGuest(caller(name), { hostFunctions });
      expect(await module.invoke("echo", "1")).toBe(message(name, "f, g"));
    }
    expect(called).toEqual([]);
  });

  it("is told by a part of its name where that is long, and none where it is not UTF-8", async () => {
    const hostFunctions = { f: () => 1, ["ü".repeat(200)]: () => 2 };
    const long = await loadGuest(caller("ü".repeat(200)), { hostFunctions });
    expect(await long.invoke("echo", "1")).toBe("=2");
    const longer = await loadGuest(caller("ü".repeat(201)), { hostFunctions });
    expect(JSON.parse((await longer.invoke("echo", "1")).slice(1))).toEqual([
      "PermissionError",
      expect.stringMatching(/^the host function ü{40}… is not granted/),
    ]);
    const huge = await loadGuest(
      hostGuest(
        "(call $host_call (i32.const 0) (i32.shl (memory.size) (i32.const 16)) (local.get $pointer) (local.get $length))",
        "",
        { memory: "1600" },
      ),
      { hostFunctions: { f: () => 1 } },
    );
    expect((await huge.invoke("echo", "1")).length).toBeLessThan(1000);
    const bytes = hostGuest(`(i32.store8 (i32.const 16) (i32.const 255)) ${callNamed("f")}`);
    expect(await (await loadGuest(bytes, { hostFunctions })).invoke("echo", "1")).toBe(
      failed("TypeError", "the name of a host function must be UTF-8"),
    );
  });
});

describe("what is checked at load", () => {
  it.each([
    [
      "another type",
      '(import "extruntime" "host_call" (func (param i32 i32) (result i64)))',
      "must have (i32, i32, i32, i32) -> i64",
    ],
    [
      "a fraction for a pointer",
      '(import "extruntime" "host_call" (func (param f64 i32 i32 i32) (result i64)))',
      "must have",
    ],
    [
      "another name",
      '(import "extruntime" "host_eval" (func (param i32 i32 i32 i32) (result i64)))',
      "is not a function that a guest is given",
    ],
    ["a global", '(import "extruntime" "host_call" (global i64))', "guests are given functions only"],
  ])("refuses an import of %s", async (_, text, message) => {
    const guest = pointerGuest(guestFunction("echo", "(i64.const 0)"), { imports: text });
    const error = await failure(() => loadGuest(guest, { lazy: true }));
    expect(error.code).toBe("ERR_EXT_UNSUPPORTED");
    expect(error.message).toContain(message);
  });

  it("takes a module that imports it twice", async () => {
    const again = '(import "extruntime" "host_call" (func $again (param i32 i32 i32 i32) (result i64)))';
    const body = `(drop ${callNamed("f")}) ${callNamed("f").replace("$host_call", "$again")}`;
    let calls = 0;
    const module = await loadGuest(hostGuest(body, "", { imports: HOST_CALL + again }), {
      hostFunctions: { f: () => ++calls },
    });
    expect(await module.invoke("echo", "1")).toBe("=2");
  });
});

function cycle(): unknown {
  const value: unknown[] = [];
  value.push(value);
  return value;
}
