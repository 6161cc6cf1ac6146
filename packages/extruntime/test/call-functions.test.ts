import { AsyncLocalStorage } from "node:async_hooks";
import { describe, expect, it } from "vitest";
import {
  checkedFunction,
  ExtensionHost,
  type HostFunction,
  type HostFunctionContext,
  native,
  perCall,
  type StandardSchema,
} from "../dist/index.js";

const CODE = `
export const ask = ([name, value], { host }) => host.call(name, value);
export const caught = async ([name, value], { host }) => {
  try { return await host.call(name, value); } catch (error) { return [error.name, error.code ?? null, error.data ?? null]; }
};
let kept;
export const keep = (_, { host }) => { kept = host; return null; };
export const late = () => kept.call("tell", "late").then(() => "told", (error) => error.message);
`;
const EXPORTS = ["ask", "caught", "keep", "late"];

async function withHost(
  hostFunctions: Record<string, HostFunction>,
  use: (host: ExtensionHost) => Promise<void>,
  placement: "inline" | "thread" | "process" = "inline",
): Promise<void> {
  const runtime = native({ placement });
  const host = new ExtensionHost({ runtimes: [runtime], hostFunctions });
  try {
    await host.load({
      manifest: {
        name: "guest",
        version: "1.2.3",
        runtime: "native",
        module: "guest.mjs",
        exports: EXPORTS,
        permissions: Object.keys(hostFunctions),
      },
      files: { "guest.mjs": CODE },
    });
    await use(host);
  } finally {
    await host.close({ abort: true });
    await runtime.close({ abort: true });
  }
}

describe.each(["inline", "thread", "process"] as const)(
  "functions of one call, with guests placed %s,",
  (placement) => {
    it("replace and narrow what the module was granted, for that call alone", () =>
      withHost(
        { read: () => "all", write: () => "written", secret: perCall },
        async (host) => {
          const ask = (name: string, functions?: Record<string, HostFunction | boolean>) =>
            host.call("guest", "caught", [name], functions && { functions });
          const refused = ["PermissionError", null, null];
          expect(await ask("read")).toBe("all");
          expect(await ask("secret")).toEqual(refused);
          expect(await ask("read", { read: () => "mine" })).toBe("mine");
          expect(await ask("read", { read: true })).toBe("all");
          expect(await ask("write", { read: true })).toEqual(refused);
          expect(await ask("write", { write: false })).toEqual(refused);
          expect(await ask("secret", { secret: () => 42 })).toBe(42);
          expect(await ask("other", { other: () => 1 })).toEqual(refused);
          expect(await ask("toString", {})).toEqual(refused);
          const users = Array.from({ length: 30 }, (_, user) =>
            host.call("guest", "ask", ["read"], { functions: { read: async () => user } }),
          );
          expect(await Promise.all(users)).toEqual(Array.from({ length: 30 }, (_, user) => user));
          expect(await ask("write")).toBe("written");
        },
        placement,
      ));
  },
);

describe("functions of one call", () => {
  it("must be functions, or booleans", () =>
    withHost({ read: () => 1 }, async (host) => {
      for (const functions of [{ read: 1 }, { read: null }, 5, "x"])
        await expect(host.call("guest", "ask", ["read"], { functions: functions as never })).rejects.toThrow(TypeError);
    }));

  it("are no guest's any more when the call has ended", async () => {
    const told: unknown[] = [];
    await withHost({ tell: (value: unknown) => told.push(value) }, async (host) => {
      await host.call("guest", "keep", null, { functions: { tell: (value: unknown) => told.push(value) } });
      expect(await host.call("guest", "late")).toContain("a call that has ended");
      expect(await host.call("guest", "ask", ["tell", "in time"])).toBe(1);
    });
    expect(told).toEqual(["in time"]);
  });
});

describe("a host function", () => {
  it("knows whose call it is, in types too", async () => {
    interface User {
      readonly name: string;
    }
    const store = new AsyncLocalStorage<string>();
    const get: HostFunction<{ key: string }, string, User> = ({ key }, { context, version, fn, deadline }) =>
      `${context.name}/${key}/${version}/${fn}/${deadline}/${store.getStore()}`;
    await withHost({ get, untyped: ({ key }, { extension }) => `${extension}/${key}` }, async (host) => {
      const context: User = { name: "ada" };
      const call = (name: string) => host.call("guest", "ask", [name, { key: "k" }], { context });
      expect(await store.run("stored", () => call("get"))).toBe("ada/k/1.2.3/ask/Infinity/stored");
      expect(await call("untyped")).toBe("guest/k");
    });
  });

  it("can have a schema before it, which says to the guest what it does not take", async () => {
    const schema: StandardSchema<unknown, { readonly key: string }> = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: async (value) =>
          typeof (value as { key?: unknown } | null)?.key === "string"
            ? { value: value as { key: string } }
            : { issues: [{ message: "must be a string", path: ["at", { key: "key" }] }] },
      },
    };
    const get = checkedFunction(schema, ({ key }, { extension }: HostFunctionContext) => `${extension} ${key.length}`);
    await withHost({ get }, async (host) => {
      expect(await host.call("guest", "caught", ["get", { key: "four" }])).toBe("guest 4");
      expect(await host.call("guest", "caught", ["get", { key: 4 }])).toEqual([
        "ValidationError",
        "ERR_EXT_HOST_INPUT",
        { issues: [{ message: "must be a string", path: "at.key" }] },
      ]);
    });
  });
});
