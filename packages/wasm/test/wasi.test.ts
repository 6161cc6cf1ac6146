import { describe, expect, it } from "vitest";
import { failure, guestFunction, type LogLine, loadGuest, pointerGuest } from "./guests.ts";
import { ALL_WASI, wasiImports, wasiProbe } from "./wasi-guest.ts";

const SUCCESS = "0";
const BADF = "8";
const FAULT = "21";
const INVAL = "28";
const NOSYS = "52";
const SPIPE = "70";

/** The number that a WASI call, or an expression with one, gives. */
async function probe(
  body: string,
  options: Parameters<typeof loadGuest>[1] & { memory?: string; data?: string } = {},
): Promise<string> {
  const module = await loadGuest(wasiProbe(body, options), options);
  return module.invoke("echo", "[1]");
}

/** Stores one vector of `length` bytes at `at` into the place for vectors. */
const vector = (at: number | string, length: number | string) =>
  `(block (result i32) (i32.store (i32.const 3000) (i32.const ${at})) (i32.store (i32.const 3004) (i32.const ${length})) (i32.const 3000))`;
const clock = (id: number, nanoseconds: bigint, flags = 0) => `
  (memory.fill (i32.const 3000) (i32.const 0) (i32.const 48))
  (i32.store (i32.const 3016) (i32.const ${id}))
  (i64.store (i32.const 3024) (i64.const ${nanoseconds}))
  (i32.store16 (i32.const 3040) (i32.const ${flags}))`;

describe("what a guest is given", () => {
  it("arguments: the extension's name", async () => {
    const sizes = "(call $args_sizes_get (i32.const 2048) (i32.const 2052))";
    expect(await probe(`(i32.add ${sizes} (i32.load (i32.const 2048)))`)).toBe("1");
    expect(await probe(`(i32.add ${sizes} (i32.load (i32.const 2052)))`, { name: "abc" })).toBe("4");
    expect(
      await probe(
        "(i32.add (call $args_get (i32.const 2048) (i32.const 2100)) (i32.load (i32.load (i32.const 2048))))",
        { name: "abc" },
      ),
    ).toBe(String(Buffer.from("abc\0").readUInt32LE()));
  });

  it("an empty environment", async () => {
    expect(
      await probe(
        "(i32.add (call $environ_sizes_get (i32.const 2048) (i32.const 2052)) (i32.add (i32.load (i32.const 2048)) (i32.load (i32.const 2052))))",
      ),
    ).toBe("0");
    expect(await probe("(call $environ_get (i32.const 0) (i32.const 0))")).toBe(SUCCESS);
  });

  it("the time of day, and a clock that goes forward from its own start", async () => {
    const seconds = (
      id: number,
    ) => `(block (result i32) (drop (call $clock_time_get (i32.const ${id}) (i64.const 0) (i32.const 2048)))
      (i32.wrap_i64 (i64.div_u (i64.load (i32.const 2048)) (i64.const 1000000000))))`;
    expect(Math.abs(Number(await probe(seconds(0))) - Date.now() / 1000)).toBeLessThan(60);
    expect(Number(await probe(seconds(1)))).toBeLessThan(60);
    expect(await probe("(call $clock_res_get (i32.const 1) (i32.const 2048))")).toBe(SUCCESS);
    for (const id of [2, 3, 4, -1])
      expect(await probe(`(call $clock_time_get (i32.const ${id}) (i64.const 0) (i32.const 2048))`)).toBe(INVAL);
  });

  it("random numbers", async () => {
    const random =
      "(block (result i32) (drop (call $random_get (i32.const 2048) (i32.const 4))) (i32.load (i32.const 2048)))";
    const module = await loadGuest(wasiProbe(random));
    const seen = new Set(await Promise.all(Array.from({ length: 8 }, () => module.invoke("echo", "0"))));
    expect(seen.size).toBeGreaterThan(6);
  });

  it("three streams, which cannot be sought in, and nothing to open", async () => {
    for (const fd of [0, 1, 2]) {
      expect(await probe(`(call $fd_seek (i32.const ${fd}) (i64.const 0) (i32.const 0) (i32.const 2048))`)).toBe(SPIPE);
      expect(await probe(`(call $fd_fdstat_get (i32.const ${fd}) (i32.const 2048))`)).toBe(SUCCESS);
      expect(await probe(`(i32.add (call $fd_close (i32.const ${fd})) (call $fd_close (i32.const ${fd})))`)).toBe(BADF);
    }
    for (const fd of [3, 4, -1, 2147483647]) {
      expect(await probe(`(call $fd_prestat_get (i32.const ${fd}) (i32.const 2048))`)).toBe(BADF);
      expect(await probe(`(call $fd_fdstat_get (i32.const ${fd}) (i32.const 2048))`)).toBe(BADF);
      expect(await probe(`(call $fd_close (i32.const ${fd}))`)).toBe(BADF);
      expect(await probe(`(call $fd_write (i32.const ${fd}) (i32.const 0) (i32.const 0) (i32.const 2048))`)).toBe(BADF);
    }
    expect(
      await probe(
        "(call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 2048))",
      ),
    ).toBe(NOSYS);
    expect(
      await probe("(call $sock_send (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 2048))"),
    ).toBe(NOSYS);
    expect(await probe("(call $sched_yield)")).toBe(SUCCESS);
  });

  it("an empty standard input", async () => {
    const read = `(call $fd_read (i32.const 0) ${vector(4000, 16)} (i32.const 1) (i32.const 2048))`;
    expect(await probe(`(i32.add ${read} (i32.load (i32.const 2048)))`)).toBe("0");
    expect(await probe(`(call $fd_read (i32.const 1) ${vector(4000, 16)} (i32.const 1) (i32.const 2048))`)).toBe(BADF);
  });
});

describe("sizes and pointers that a hostile guest chooses", () => {
  it.each([
    ["random_get of 4 GiB", "(call $random_get (i32.const 0) (i32.const -1))", FAULT],
    ["random_get past the end", "(call $random_get (i32.const 65535) (i32.const 2))", FAULT],
    ["args_get out of bounds", "(call $args_get (i32.const -4) (i32.const 0))", FAULT],
    ["args_get of text out of bounds", "(call $args_get (i32.const 2048) (i32.const 65533))", FAULT],
    ["args_sizes_get out of bounds", "(call $args_sizes_get (i32.const 2048) (i32.const -1))", FAULT],
    ["environ_sizes_get out of bounds", "(call $environ_sizes_get (i32.const 65533) (i32.const 2048))", FAULT],
    ["clock_time_get out of bounds", "(call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 65529))", FAULT],
    ["clock_res_get out of bounds", "(call $clock_res_get (i32.const 0) (i32.const -1))", FAULT],
    ["fd_fdstat_get out of bounds", "(call $fd_fdstat_get (i32.const 1) (i32.const 65513))", FAULT],
    [
      "fd_write of four thousand million vectors",
      "(call $fd_write (i32.const 1) (i32.const 0) (i32.const -1) (i32.const 2048))",
      INVAL,
    ],
    [
      "fd_write of vectors out of bounds",
      "(call $fd_write (i32.const 1) (i32.const 65530) (i32.const 1) (i32.const 2048))",
      FAULT,
    ],
    [
      "fd_write of a vector of 4 GiB",
      `(call $fd_write (i32.const 1) ${vector(0, -1)} (i32.const 1) (i32.const 2048))`,
      FAULT,
    ],
    [
      "fd_write that counts out of bounds",
      `(call $fd_write (i32.const 1) ${vector(0, 1)} (i32.const 1) (i32.const -1))`,
      FAULT,
    ],
    ["fd_read into 4 GiB", `(call $fd_read (i32.const 0) ${vector(1, -1)} (i32.const 1) (i32.const 2048))`, FAULT],
    ["poll_oneoff of nothing", "(call $poll_oneoff (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 2048))", INVAL],
    [
      "poll_oneoff of a million",
      "(call $poll_oneoff (i32.const 0) (i32.const 0) (i32.const 1000000) (i32.const 2048))",
      INVAL,
    ],
    [
      "poll_oneoff out of bounds",
      "(call $poll_oneoff (i32.const 65500) (i32.const 0) (i32.const 1) (i32.const 2048))",
      FAULT,
    ],
    [
      "poll_oneoff of events out of bounds",
      "(call $poll_oneoff (i32.const 0) (i32.const 65510) (i32.const 1) (i32.const 2048))",
      FAULT,
    ],
  ])("answers %s with an error number", async (_, body, errno) => {
    expect(await probe(body)).toBe(errno);
  });

  it("fills at most a mebibyte with random numbers at a time", async () => {
    expect(await probe("(call $random_get (i32.const 65536) (i32.const 1048576))", { memory: "32" })).toBe(SUCCESS);
    expect(await probe("(call $random_get (i32.const 65536) (i32.const 1048577))", { memory: "32" })).toBe(INVAL);
  });

  it("writes at most a mebibyte at a time, and says how much", async () => {
    // 1024 vectors, each of the whole memory of 2 MiB: 2 GiB of work for one call, if it were done.
    const fill = `(local.set $at (i32.const 8192)) (loop $next
      (i32.store (local.get $at) (i32.const 0)) (i32.store offset=4 (local.get $at) (i32.const 2097152))
      (local.set $at (i32.add (local.get $at) (i32.const 8))) (br_if $next (i32.lt_u (local.get $at) (i32.const 16384))))`;
    const body = `(func (export "echo") (param i32 i32) (result i64) (local $at i32) ${fill}
      (drop (call $fd_write (i32.const 1) (i32.const 8192) (i32.const 1024) (i32.const 4))) (call $number (i32.load (i32.const 4))))`;
    const module = await loadGuest(pointerGuest(body, { imports: wasiImports("fd_write"), memory: "32" }));
    expect(await module.invoke("echo", "0")).toBe(String(1 << 20));
  });
});

describe("sleep", () => {
  const poll = "(call $poll_oneoff (i32.const 3000) (i32.const 3100) (i32.const 1) (i32.const 2048))";
  const slept = (id: number, nanoseconds: bigint, flags = 0) =>
    wasiProbe(`(block (result i32) ${clock(id, nanoseconds, flags)} (i32.add ${poll} (i32.load (i32.const 2048))))`);

  it("sleeps, and tells that the clock is due", async () => {
    const module = await loadGuest(slept(1, 20_000_000n));
    const started = performance.now();
    expect(await module.invoke("echo", "0")).toBe("1");
    expect(performance.now() - started).toBeGreaterThanOrEqual(19);
  });

  it("sleeps without using the processor", async () => {
    const module = await loadGuest(slept(1, 300_000_000n), { maxSleepMs: 1000 });
    const before = process.cpuUsage();
    await module.invoke("echo", "0");
    const { user, system } = process.cpuUsage(before);
    expect(user + system).toBeLessThan(250_000);
  });

  it.each([
    ["an hour", 1, 3_600_000_000_000n, 0],
    ["all of time", 0, -1n, 0],
    ["until long from now", 0, 9_000_000_000_000_000_000n, 1],
  ])("ends a call that would sleep %s at once, and says what to do", async (_, id, nanoseconds, flags) => {
    const module = await loadGuest(slept(id as number, nanoseconds as bigint, flags as number));
    const error = await failure(() => module.invoke("echo", "0"));
    expect(error.code).toBe("ERR_EXT_UNSUPPORTED");
    expect(error.message).toContain("may sleep 100 ms in total");
    expect(error.message).toContain("maxSleepMs");
  });

  it("counts many short sleeps of a call together, and each call anew", async () => {
    const many = guestFunction(
      "echo",
      `(loop $again ${clock(1, 5_000_000n)} (drop ${poll}) (br $again)) (i64.const 0)`,
    );
    const module = await loadGuest(pointerGuest(many, { imports: ALL_WASI }), { maxSleepMs: 20 });
    expect((await failure(() => module.invoke("echo", "0"))).message).toContain("may sleep 20 ms");
    const once = await loadGuest(slept(1, 15_000_000n), { maxSleepMs: 20 });
    for (let i = 0; i < 3; i++) expect(await once.invoke("echo", "0")).toBe("1");
  });

  it("does not wait for what is past, and reports clocks, streams and types that are not there", async () => {
    const errno = (setup: string) =>
      probe(`(block (result i32) ${setup} (drop ${poll}) (i32.load16_u (i32.const 3108)))`);
    expect(await errno(clock(0, 1n, 1))).toBe(SUCCESS);
    expect(await errno(clock(3, 1n))).toBe(INVAL);
    const stream = (type: number, fd: number) =>
      `${clock(0, 0n)} (i32.store8 (i32.const 3008) (i32.const ${type})) (i32.store (i32.const 3016) (i32.const ${fd}))`;
    expect(await errno(stream(1, 0))).toBe(SUCCESS);
    expect(await errno(stream(2, 1))).toBe(SUCCESS);
    expect(await errno(stream(1, 9))).toBe(BADF);
    expect(await errno(stream(7, 0))).toBe(INVAL);
  });
});

describe("output of a module of the pointer ABI", () => {
  const write = async (fd: number, text: string, calls = 1) => {
    const log: LogLine[] = [];
    const bytes = Buffer.from(text);
    const data = `(data (i32.const 8192) "${[...bytes].map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("")}")`;
    const module = await loadGuest(
      wasiProbe(`(call $line (i32.const ${fd}) (i32.const 8192) (i32.const ${bytes.length}))`, { data, memory: "16" }),
      { log },
    );
    for (let i = 0; i < calls; i++) expect(await module.invoke("echo", "0")).toBe(SUCCESS);
    return log;
  };

  it("is logged line by line, the last one without its end too", async () => {
    expect(await write(1, "one\n\ntwö\nthree")).toEqual(
      ["one", "", "twö", "three"].map((message) => ({ level: "info", message })),
    );
    expect(await write(2, "oops\n")).toEqual([{ level: "warn", message: "oops" }]);
  });

  it("is cut in the line and in the call, and begins anew in the next", async () => {
    const long = await write(1, `${"x".repeat(20_000)}\nnext\n`);
    expect(long.map((line) => line.message.length)).toEqual([expect.any(Number), 4]);
    expect(long[0]!.message).toMatch(/^x{8192}… \(cut at 8192 bytes\)$/);
    const many = await write(1, "\n".repeat(100_000), 2);
    expect(many.length).toBe(2 * 1025);
    expect(many.at(-1)!.message).toContain("the rest of this call's output is dropped");
  });

  it("of many writes joins into lines, even in the middle of a letter", async () => {
    const log: LogLine[] = [];
    const data = `(data (i32.const 8192) "a\\c3\\bc\\0a")`;
    const steps = [0, 1, 2, 3]
      .map((at) => `(drop (call $line (i32.const 1) (i32.const ${8192 + at}) (i32.const 1)))`)
      .join("");
    await (await loadGuest(wasiProbe(`(block (result i32) ${steps} (i32.const 0))`, { data }), { log })).invoke(
      "echo",
      "0",
    );
    expect(log).toEqual([{ level: "info", message: "aü" }]);
  });
});

describe("the ends of a call", () => {
  it("fails a call that exits, whatever the code, and goes on in a fresh instance", async () => {
    for (const code of [0, 3]) {
      const module = await loadGuest(
        wasiProbe(`(block (result i32) (call $proc_exit (i32.const ${code})) (i32.const 0))`),
      );
      const error = await failure(() => module.invoke("echo", "0"));
      expect(error).toMatchObject({
        code: "ERR_EXT_GUEST",
        guest: { name: "ExitError", message: `exit code ${code}` },
      });
      expect((await failure(() => module.invoke("echo", "0"))).code).toBe("ERR_EXT_GUEST");
      expect(module.stats().instancesCreated).toBe(2);
    }
  });

  it("fails it also where the guest catches its own exit", async () => {
    const body = guestFunction(
      "echo",
      "(try (do (call $proc_exit (i32.const 7))) (catch_all)) (call $number (i32.const 1))",
    );
    const module = await loadGuest(pointerGuest(body, { imports: wasiImports("proc_exit") }));
    expect((await failure(() => module.invoke("echo", "0"))).message).toContain("exit code 7");
  });

  it("puts the end of standard error into the message of a trap", async () => {
    const data = '(data (i32.const 8192) "panicked at src/lib.rs:1:2: no such thing\\0a")';
    const module = await loadGuest(
      wasiProbe("(block (result i32) (drop (call $line (i32.const 2) (i32.const 8192) (i32.const 42))) unreachable)", {
        data,
      }),
    );
    expect((await failure(() => module.invoke("echo", "0"))).message).toBe(
      "guest.echo: RuntimeError: unreachable: panicked at src/lib.rs:1:2: no such thing",
    );
  });

  it.each([
    ["and its memory did not grow", "-1", "ERR_EXT_MEMORY"],
    ["and its memory did grow", "1", "ERR_EXT_GUEST"],
  ])(
    "takes a guest that says it has run out of memory at its word where it asked for more, %s",
    async (_, pages, code) => {
      const data = '(data (i32.const 8192) "memory allocation of 99999 bytes failed\\0a")';
      const says = "(drop (call $line (i32.const 2) (i32.const 8192) (i32.const 40)))";
      const exits = `(block (result i32) (drop (memory.grow (i32.const ${pages}))) ${says} (drop (i32.div_u (i32.const 1) (i32.const 0))) (i32.const 0))`;
      const module = await loadGuest(wasiProbe(exits, { data }));
      expect((await failure(() => module.invoke("echo", "0"))).code).toBe(code);
    },
  );

  it("has no memory to offer while a start function runs", async () => {
    const start =
      "(func $start (if (i32.ne (call $random_get (i32.const 0) (i32.const 4)) (i32.const 21)) (then unreachable))) (start $start)";
    const module = await loadGuest(
      pointerGuest(guestFunction("echo", "(i64.const 0)"), { imports: wasiImports("random_get"), start }),
    );
    expect(await module.invoke("echo", "0")).toBe("null");
  });
});
