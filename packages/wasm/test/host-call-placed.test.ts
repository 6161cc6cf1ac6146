import type { HostFunction, HostFunctions } from "extruntime";
import { describe, expect, it } from "vitest";
// Workers import what is built.
import { wasm } from "../dist/index.js";
import { codeOf, guestFunction } from "./guests.ts";
import { callNamed, hostGuest } from "./host-guest.ts";

/** `echo` calls the host function `f`; `endless` does so again and again; `plain` does not. */
const ENDLESS = `(local $answer i64)
  (loop $again (local.set $answer ${callNamed("f")})
    (call $free (i32.wrap_i64 (i64.shr_u (local.get $answer) (i64.const 32))) (i32.wrap_i64 (local.get $answer)))
    (br $again))
  (i64.const 0)`;
const GUEST = hostGuest(
  callNamed("f"),
  guestFunction("plain", "(call $copy (local.get $pointer) (local.get $length))") + guestFunction("endless", ENDLESS),
);

/** Loads the guest at a placement, lets `action` use it, and closes all of it. */
async function placed(
  placement: "thread" | "process",
  f: HostFunction,
  action: (module: Awaited<ReturnType<typeof load>>["module"]) => Promise<void>,
  pool = 1,
): Promise<void> {
  const { runtime, module } = await load(placement, { f }, pool);
  try {
    await action(module);
  } finally {
    await runtime.close({ abort: true });
  }
}

async function load(placement: "thread" | "process", hostFunctions: HostFunctions, pool: number) {
  const runtime = wasm({ placement });
  const manifest = {
    ...{ name: "guest", runtime: "wasm", module: "guest.wasm", exports: ["echo", "plain", "endless"] },
    ...{ permissions: ["f"], limits: { maxInstances: pool } },
  };
  const module = await runtime.load({ manifest, files: { "guest.wasm": GUEST } }, { hostFunctions });
  return { runtime, module };
}

describe.each(["thread", "process"] as const)("a guest in a %s that calls the host", (placement) => {
  it("waits for what the function promises", async () => {
    const f = async (value: unknown) => {
      await new Promise((resolve) => setImmediate(resolve));
      return { value };
    };
    await placed(placement, f, async (module) => {
      expect(await module.invoke("echo", '"é😀"')).toBe('={"value":"é😀"}');
      const large = JSON.stringify("ü".repeat(5_000_000));
      expect(await module.invoke("echo", large)).toBe(`={"value":${large}}`);
    });
  });

  it("and waits in vain ends at its deadline, and another module of its worker is served, also by a caller that blocks its thread", async () => {
    const { runtime, module } = await load(placement, { f: () => new Promise(() => {}) }, 1);
    const manifest = { name: "other", runtime: "wasm", module: "guest.wasm", exports: ["plain"] };
    const other = await runtime.load({ manifest, files: { "guest.wasm": GUEST } }, { hostFunctions: { f: () => 1 } });
    try {
      for (let i = 0; i < 3; i++) {
        expect(await codeOf(() => module.invoke("echo", "1", { timeoutMs: 20 }))).toBe("ERR_EXT_TIMEOUT");
        if (placement === "thread") expect(other.invokeSync("plain", "[2]")).toBe("[2]");
      }
      expect(await module.invoke("plain", "[1]")).toBe("[1]");
    } finally {
      await runtime.close({ abort: true });
    }
  });

  it("and waits for long keeps no other call of its module, nor of another one, from its answer", async () => {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const f = async (value: string) => {
      if (value === "wait") await released;
      return value;
    };
    const { runtime } = await load(placement, { f }, 2);
    const manifest = {
      runtime: "wasm",
      module: "guest.wasm",
      exports: ["echo"],
      permissions: ["f"],
      limits: { maxInstances: 2 },
    };
    try {
      // Each has one instance by then, and its second one is wanted while both threads are held.
      const modules = await Promise.all(
        ["a", "b"].map((name) =>
          runtime.load({ manifest: { ...manifest, name }, files: { "guest.wasm": GUEST } }, { hostFunctions: { f } }),
        ),
      );
      const waiting = modules.map((module) => module.invoke("echo", '"wait"'));
      const quick = modules.flatMap((module) => Array.from({ length: 20 }, (_, i) => module.invoke("echo", `"${i}"`)));
      expect(await Promise.all(quick)).toEqual(modules.flatMap(() => Array.from({ length: 20 }, (_, i) => `="${i}"`)));
      release();
      expect(await Promise.all(waiting)).toEqual(['="wait"', '="wait"']);
    } finally {
      await runtime.close({ abort: true });
    }
  });

  it("gets the error that the function throws, or with which its promise is rejected", async () => {
    const f = (value: string) => {
      const error = new TypeError(`no ${value}`);
      if (value === "now") throw error;
      return Promise.reject(error);
    };
    await placed(placement, f, async (module) => {
      expect(await module.invoke("echo", '"now"')).toBe('!["TypeError","no now"]');
      expect(await module.invoke("echo", '"later"')).toBe('!["TypeError","no later"]');
    });
  });

  it("does so in thousands of calls that overlap", async () => {
    await placed(
      placement,
      async (value: number) => value * 2,
      async (module) => {
        const calls = Array.from({ length: 3000 }, (_, index) => module.invoke("echo", String(index)));
        expect(await Promise.all(calls)).toEqual(calls.map((_, index) => `=${index * 2}`));
      },
      4,
    );
  });

  it("may be called by the function in turn", async () => {
    const { runtime, module } = await load(
      placement,
      { f: async (depth: number) => (depth === 0 ? "end" : module.invoke("echo", String(depth - 1))) },
      3,
    );
    expect(JSON.parse((await module.invoke("echo", "1")).slice(1))).toBe('="end"');
    await runtime.close();
  });

  it("ends on time where the function never answers, and the module serves the next call", async () => {
    const late: ((value: unknown) => void)[] = [];
    let asked = () => {};
    const f = (value: string) =>
      value === "wait"
        ? new Promise((resolve) => {
            late.push(resolve);
            asked();
          })
        : value;
    await placed(placement, f, async (module) => {
      expect(await codeOf(() => module.invoke("echo", '"wait"', { timeoutMs: 100 }))).toBe("ERR_EXT_TIMEOUT");
      const wasAsked = new Promise<void>((resolve) => {
        asked = resolve;
      });
      const controller = new AbortController();
      const outcome = expect(module.invoke("echo", '"wait"', { signal: controller.signal })).rejects.toThrow("enough");
      await wasAsked;
      controller.abort(new Error("enough"));
      await outcome;
      for (const answer of late) answer("late");
      expect(await module.invoke("echo", '"go"')).toBe('="go"');
      expect(await module.invoke("plain", "1")).toBe("1");
    });
  });

  it("ends on time where it calls without end", async () => {
    let calls = 0;
    await placed(
      placement,
      () => ++calls,
      async (module) => {
        expect(await codeOf(() => module.invoke("endless", "1", { timeoutMs: 100 }))).toBe("ERR_EXT_TIMEOUT");
        expect(await module.invoke("plain", "1")).toBe("1");
      },
    );
  });

  it("ends where the module is closed meanwhile", async () => {
    let asked = () => {};
    const wasAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const f = () => {
      asked();
      return new Promise(() => {});
    };
    await placed(placement, f, async (module) => {
      const outcome = codeOf(() => module.invoke("echo", "1"));
      await wasAsked;
      await module.close({ abort: true });
      expect(await outcome).toBe("ERR_EXT_CLOSED");
    });
  });
});

describe("invokeSync, with the guest in a thread", () => {
  it("answers where the function answers at once", async () => {
    await placed(
      "thread",
      (value: number) => value + 1,
      async (module) => {
        expect(module.invokeSync("echo", "1")).toBe("=2");
        for (let i = 0; i < 1000; i++) expect(module.invokeSync("echo", String(i))).toBe(`=${i + 1}`);
      },
    );
  });

  it("cannot wait for what the function promises, and says so", async () => {
    await placed(
      "thread",
      async () => 1,
      async (module) => {
        expect(module.invokeSync("echo", "1")).toMatch(
          /^!\["UnsupportedError","the host function f answers with a promise/,
        );
        expect(await module.invoke("echo", "1")).toBe("=1");
      },
    );
  });
});
