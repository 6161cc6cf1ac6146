import { describe, expect, it } from "vitest";
import { assemble, failure, guestFunction, loadGuest, pointerGuest } from "./guests.ts";
import { callNamed, HOST_CALL, hostGuest } from "./host-guest.ts";

/** What the host function that every guest here is granted has been called with. */
async function load(guest: Uint8Array, options = {}) {
  const calls: unknown[] = [];
  const f = (value: unknown) => {
    calls.push(value);
    return value;
  };
  const module = await loadGuest(guest, { hostFunctions: { f }, ...options });
  return { module, calls };
}

const hostCall = (name: string, nameLength: string, payload: string, payloadLength: string) =>
  `(call $host_call ${[name, nameLength, payload, payloadLength].map((value) => `(i32.const ${value})`).join(" ")})`;

const FREE = '(func (export "__base_free") (param i32 i32))';

/** A guest with an allocator of its own making. It is right for the payload, and `body` begins to run with `$lies` at 1. */
function liar(alloc: string, body = callNamed("f"), more = ""): Uint8Array {
  return assemble(`(module ${HOST_CALL} (memory (export "memory") 1 4) (data (i32.const 16) "f")
    (global $lies (mut i32) (i32.const 0))
    (func $alloc (export "__base_alloc") (param $size i32) (result i32)
      (if (i32.eqz (global.get $lies)) (then (return (i32.const 1024)))) ${alloc})
    ${FREE} ${more}
    ${guestFunction("echo", `(global.set $lies (i32.const 1)) ${body}`)})`);
}

describe("pointers and lengths that lead outside", () => {
  it.each([
    ["a name past the end", hostCall("65535", "2", "0", "0")],
    ["a name of 4 GiB", hostCall("16", "-1", "0", "0")],
    ["a name at 4 GiB", hostCall("-1", "1", "0", "0")],
    ["an empty name, but outside", hostCall("65537", "0", "0", "0")],
    ["a payload past the end", hostCall("16", "1", "65535", "2")],
    ["a payload of 4 GiB", hostCall("16", "1", "0", "-1")],
    ["a payload at 4 GiB", hostCall("16", "1", "-1", "1")],
    ["both at 4 GiB", hostCall("-1", "-1", "-1", "-1")],
  ])("end the guest's call, and the host's function is not called: %s", async (_, body) => {
    const { module, calls } = await load(hostGuest(body));
    for (let i = 1; i <= 2; i++) {
      const error = await failure(() => module.invoke("echo", "1"));
      expect(error).toMatchObject({ code: "ERR_EXT_GUEST", guest: { name: "AbiError" } });
      expect(error.message).toMatch(
        /host_call got a (name|payload) of \d+ bytes at \d+, and the memory has 65536 bytes/,
      );
      expect(module.stats().instancesCreated).toBe(i);
    }
    expect(calls).toEqual([]);
  });

  it("are looked at in the memory that the guest has grown", async () => {
    const grown = `(drop (memory.grow (i32.const 1)))
      (i32.store8 (i32.const 131071) (i32.const 55)) ${hostCall("16", "1", "131071", "1")}`;
    expect(await (await load(hostGuest(grown))).module.invoke("echo", "1")).toBe("=7");
  });
});

describe("an allocator that lies", () => {
  it.each([
    [
      "has nothing",
      "(i32.const 0)",
      "ERR_EXT_MEMORY",
      "the guest has no memory for 2 bytes of a host function's answer",
    ],
    ["leads past the end", "(i32.const 65535)", "ERR_EXT_GUEST", "__base_alloc(2) returned 65535"],
    ["leads to 4 GiB", "(i32.const -1)", "ERR_EXT_GUEST", "__base_alloc(2) returned 4294967295"],
    ["traps", "unreachable", "ERR_EXT_GUEST", "RuntimeError: unreachable"],
    [
      "calls itself without end",
      "(call $alloc (local.get $size))",
      "ERR_EXT_GUEST",
      "Maximum call stack size exceeded",
    ],
  ])("ends the guest's call, where it %s", async (_, alloc, code, message) => {
    const { module, calls } = await load(liar(alloc));
    for (let i = 1; i <= 2; i++) {
      const error = await failure(() => module.invoke("echo", "1"));
      expect(error.code).toBe(code);
      expect(error.message).toContain(message);
      expect(calls.length).toBe(i);
    }
    expect(module.stats().instancesCreated).toBe(2);
  });

  it("harms itself alone, where it answers with the place of the name and the payload", async () => {
    const { module } = await load(liar("(i32.const 16)"));
    expect(await module.invoke("echo", "[1]")).toBe("=[1]");
    // Now the payload has been written over the name.
    expect(await module.invoke("echo", "[1]")).toMatch(/^!\["PermissionError","the host function \[ is not granted/);
  });

  it("is believed in the memory that it has grown meanwhile", async () => {
    const { module } = await load(liar("(drop (memory.grow (i32.const 3))) (i32.const 200000)"));
    const payload = JSON.stringify("é".repeat(2000));
    expect(await module.invoke("echo", payload)).toBe(`=${payload}`);
  });

  it("is not asked for more than the memory may have", async () => {
    const { module } = await load(liar("unreachable"), { hostFunctions: { f: () => "x".repeat(300_000) } });
    const error = await failure(() => module.invoke("echo", "1"));
    expect(error.code).toBe("ERR_EXT_MEMORY");
    expect(error.message).toContain(
      "no memory for 300003 bytes of a host function's answer: the memory may have 262144",
    );
  });

  it("cannot call the host for each answer in turn", async () => {
    const { module, calls } = await load(liar(`(drop ${hostCall("16", "1", "0", "0")}) (i32.const 1024)`));
    const error = await failure(() => module.invoke("echo", "1"));
    expect(error).toMatchObject({ code: "ERR_EXT_GUEST", guest: { name: "AbiError" } });
    expect(error.message).toContain("host_call is called by __base_alloc");
    expect(calls).toEqual([1]);
  });

  it("may throw an exception through the host to the guest, which may go on to call it", async () => {
    const alloc =
      "(if (i32.eq (global.get $lies) (i32.const 1)) (then (global.set $lies (i32.const 2)) (throw $mine))) (i32.const 2048)";
    const body = `(try (do (drop ${callNamed("f")})) (catch $mine)) ${callNamed("f")}`;
    const { module, calls } = await load(liar(alloc, body, "(tag $mine)"));
    expect(await module.invoke("echo", "1")).toBe("=1");
    expect(calls).toEqual([1, 1]);
  });
});

describe("a guest that catches what ends its call", () => {
  const endless = (call: string) =>
    `(local $left i32) (local.set $left (i32.const 1000))
     (loop $again (try (do (drop ${call})) (catch_all))
       (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))`;

  it("has ended all the same, and gets nothing more done by the host", async () => {
    const guest = hostGuest(
      `${endless(hostCall("-1", "1", "0", "0"))} ${endless(callNamed("f")).replace("(local $left i32)", "")} (i64.const 0)`,
    );
    const { module, calls } = await load(guest);
    const error = await failure(() => module.invoke("echo", "1"));
    expect(error).toMatchObject({ code: "ERR_EXT_GUEST", guest: { name: "AbiError" } });
    expect(calls).toEqual([]);
  });

  it("has ended by proc_exit too", async () => {
    const exit = '(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))';
    const body = `(try (do (call $exit (i32.const 3))) (catch_all)) ${callNamed("f")}`;
    const { module, calls } = await load(hostGuest(body, "", { imports: HOST_CALL + exit }));
    expect((await failure(() => module.invoke("echo", "1"))).message).toContain("exit code 3");
    expect(calls).toEqual([]);
  });
});

describe("a guest at the end of the stack", () => {
  it("cannot have a host function end halfway", async () => {
    let begun = 0;
    let ended = 0;
    const work = (depth: number): number => (depth === 0 ? JSON.stringify([{ a: [begun] }]).length : work(depth - 1));
    const body = `(drop ${callNamed("f")}) (call $echo (local.get $pointer) (local.get $length))`;
    const catching = `(try (do (drop ${callNamed("f")})) (catch_all)) (call $echo (local.get $pointer) (local.get $length))`;
    for (const guest of [hostGuest(body), hostGuest(catching)]) {
      const { module } = await load(guest, {
        hostFunctions: {
          f: () => {
            begun += 1;
            work(20);
            ended += 1;
          },
        },
      });
      for (let i = 0; i < 3; i++)
        expect((await failure(() => module.invoke("echo", "1"))).guest).toMatchObject({ name: "RangeError" });
      expect(begun).toBeGreaterThan(0);
      expect(ended).toBe(begun);
    }
  });
});

describe("a start function", () => {
  it("cannot call the host, before there is a memory to answer in", async () => {
    for (const call of [
      hostCall("16", "1", "0", "0"),
      hostCall("0", "0", "0", "0"),
      `(try (result i64) (do ${hostCall("16", "1", "0", "0")}) (catch_all (i64.const 0)))`,
    ]) {
      const guest = pointerGuest(
        `(data (i32.const 16) "f") (func $start (drop ${call})) ${guestFunction("echo", "(i64.const 0)")}`,
        { imports: HOST_CALL, start: "(start $start)" },
      );
      const calls: unknown[] = [];
      const error = await failure(() => loadGuest(guest, { hostFunctions: { f: () => calls.push(1) } }));
      expect(error).toMatchObject({ code: "ERR_EXT_GUEST", guest: { name: "AbiError" } });
      expect(error.message).toContain("host_call is called by the start function");
      expect(calls).toEqual([]);
    }
  });
});
