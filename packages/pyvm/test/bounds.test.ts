import { expect, test } from "vitest";
import { load } from "./guest.ts";

test("a result that is too long is refused with the limit's name, before it is text of the host's", async () => {
  await using module = await load(
    "def text(n): return 'é' * n\ndef many(n): return [1] * n\ndef names(n): return {str(i): i for i in range(n)}\nclass S(str): pass\ndef odd(n): return S('x' * n)\nasync def later(n): return 'x' * n",
    { exports: ["text", "many", "names", "odd", "later"], limits: { resultBytes: 1000, maxInstances: 1 } },
  );
  expect(await module.call("text", 499)).toHaveLength(499);
  expect(await module.call("many", 499)).toHaveLength(499);
  for (const fn of ["text", "many", "names", "odd", "later"])
    for (const n of [1000, 3_000_000])
      await expect(module.invoke(fn, String(n))).rejects.toMatchObject({
        code: "ERR_EXT_BAD_RESULT",
        message: expect.stringMatching(/limits\.resultBytes is 1000/),
      });
  expect(() => module.invokeSync("text", "1000")).toThrow(expect.objectContaining({ code: "ERR_EXT_BAD_RESULT" }));
  expect(await module.call("later", 3)).toBe("xxx");
  expect(module.stats()).toMatchObject({ running: 0, instancesCreated: 1 });
});

test("a circle is still what json.dumps says of it", async () => {
  await using module = await load("def f(v):\n    a = []\n    a.append(a)\n    return a", {
    limits: { resultBytes: 1000 },
  });
  await expect(module.call("f")).rejects.toMatchObject({
    code: "ERR_EXT_BAD_RESULT",
    message: expect.stringMatching(/Circular/),
  });
});

test("an exception is cut in its text and its traceback", async () => {
  await using module = await load("def f(n): raise ValueError('x' * n)");
  const error = await module.call("f", 20_000_000).catch((caught: unknown) => caught as never);
  const { message, guest } = error as unknown as { message: string; guest: { message: string; stack: string } };
  for (const text of [message, guest.message, guest.stack]) expect(text.length).toBeLessThan(17_000);
});

test("output is bounded in each call, and what is dropped is said in one line", async () => {
  const lines: [string, string][] = [];
  const logger = {
    info: (line: string) => void lines.push(["info", line]),
    warn: (line: string) => void lines.push(["warn", line]),
  };
  await using module = await load(
    "def f(v):\n    for _ in range(v[0]): print('x' * v[1])\ndef g(n): print('y' * n, end='')",
    { exports: ["f", "g"], logger, limits: { logChars: 5000, lineChars: 200, maxInstances: 1 } },
  );
  for (const [fn, value] of [
    ["f", [100_000, 10]],
    ["f", [300_000, 0]],
    ["g", 30_000_000],
  ] as const) {
    lines.length = 0;
    await module.call(fn, value);
    const said = lines.filter(([level]) => level === "info");
    expect(said.length).toBeGreaterThan(0);
    expect(said.length).toBeLessThan(500);
    expect(said.map(([, line]) => line).join("").length).toBeLessThan(6000);
    if (fn === "f")
      expect(lines.filter(([level]) => level === "warn")).toEqual([
        ["warn", "… (the rest of this call's output is dropped: limits.logChars is 5000)"],
      ]);
  }
  lines.length = 0;
  await module.call("f", [2, 3]);
  expect(lines).toEqual([
    ["info", "xxx"],
    ["info", "xxx"],
  ]);
});

test("an argument of a host function that is too long is a RangeError in the guest, which goes on", async () => {
  await using module = await load(
    "import extruntime\ndef f(n):\n    try:\n        return extruntime.call('ask', 'x' * n)\n    except extruntime.HostError as error:\n        return error.name + ': ' + str(error)",
    {
      manifest: { permissions: ["ask"] },
      hostFunctions: { ask: (value: string) => value.length },
      limits: { hostCallBytes: 1000 },
    },
  );
  expect(await module.call("f", 998)).toBe(998);
  expect(await module.call("f", 999)).toMatch(/^RangeError: .*limits\.hostCallBytes/);
  expect(await module.call("f", 50_000_000)).toMatch(/^RangeError: .*limits\.hostCallBytes/);
  expect(await module.call("f", 10)).toBe(10);
});

test("an unknown key in its section of the manifest is refused", async () => {
  await expect(load("def f(v): return v", { manifest: { python: { nonsense: 1 } as never } })).rejects.toMatchObject({
    code: "ERR_EXT_BAD_MANIFEST",
    message: expect.stringMatching(/unknown key "python\.nonsense"/),
  });
});
