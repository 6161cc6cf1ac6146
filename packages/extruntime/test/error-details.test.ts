import { describe, expect, it } from "vitest";
import { errorDetails, errorExtras } from "../src/contract/error-details.ts";
import { guestError } from "../src/errors.ts";
import { errorFromJson, errorToJson } from "../src/placement/wire/error.ts";

const MOST = 4096;

describe("what is told of an error", () => {
  it("has its code, data, causes and parts as plain data", () => {
    const cause = Object.assign(new RangeError("inner", { cause: "text" }), { code: 7 });
    const error = Object.assign(new AggregateError([new Error("one"), 2], "outer", { cause }), {
      code: "E_OUT",
      data: { left: [1] },
    });
    const details = errorDetails(error, MOST);
    expect(details).toMatchObject({
      name: "AggregateError",
      message: "outer",
      code: "E_OUT",
      data: { left: [1] },
      cause: { name: "RangeError", message: "inner", code: 7, cause: { name: "thrown value", message: "text" } },
      errors: [
        { name: "Error", message: "one" },
        { name: "thrown value", message: "2" },
      ],
    });
    expect(JSON.parse(JSON.stringify(details))).toEqual(details);
    expect(JSON.stringify(errorExtras(error, MOST))).not.toContain("error-details.test");
  });

  it("is bounded in depth and characters, whatever there is", () => {
    const circle: { cause?: unknown; errors?: unknown; message: string } = { message: "c" };
    circle.cause = circle;
    circle.errors = Array.from({ length: 20_000 }, () => circle);
    let chain: Error = new Error("0");
    for (let i = 0; i < 1000; i++) chain = new Error("x".repeat(1000), { cause: chain });
    let deep: unknown[] = [];
    for (let i = 0; i < 100_000; i++) deep = [deep];
    const wide = new AggregateError(
      Array.from({ length: 20_000 }, () => new Error("")),
      "w",
    );
    for (const error of [
      circle,
      chain,
      wide,
      { data: deep, code: "c".repeat(1e6), message: "m" },
      { data: "x".repeat(1e6) },
    ])
      expect(JSON.stringify(errorDetails(error, MOST)).length).toBeLessThan(20 * MOST);
  });

  it("is read by total functions: getters, proxies and members of other types do no harm", () => {
    const throws = () => {
      throw new Error("no");
    };
    const strange = [
      new Proxy({}, { get: throws, has: throws, ownKeys: throws }),
      {
        get code() {
          return throws();
        },
        get cause() {
          return throws();
        },
        errors: new Proxy([], { get: throws }),
      },
      { code: {}, data: () => 1, cause: Symbol("s"), errors: { length: 5 }, name: 1, message: null },
      { data: 1n, cause: { cause: { errors: [Symbol("x"), null, undefined, new Proxy({}, { get: throws })] } } },
      { data: { toJSON: throws }, code: Number.NaN },
    ];
    for (const error of strange) expect(typeof errorDetails(error, MOST).name).toBe("string");
  });

  it("crosses a frame, and a frame that no worker of ours wrote does no harm", () => {
    const details = errorDetails(Object.assign(new Error("m", { cause: new Error("c") }), { code: "E" }), MOST);
    expect(errorFromJson(errorToJson(guestError(details)))?.guest).toMatchObject({
      code: "E",
      cause: { message: "c" },
    });
    const frame = (guest: unknown) => JSON.stringify({ code: "ERR_EXT_GUEST", message: "m", guest });
    const own = { name: "n", message: "m", stack: "" };
    for (const more of [
      { cause: 5 },
      { cause: { name: {} } },
      { errors: "no" },
      { errors: [[[]]] },
      { code: [] },
      { data: null },
    ])
      expect(errorFromJson(frame({ ...own, ...more }))?.guest).toMatchObject(own);
  });
});
