import { afterEach, expect, it, vi } from "vitest";
// Workers import what is built.
import { wasm } from "../dist/index.js";
import { wasiProbe } from "./wasi-guest.ts";

afterEach(() => vi.unstubAllEnvs());

/** A C library takes its zone from the environment, or else from files, and a guest has neither: it is UTC everywhere. */
it.each(["inline", "thread", "process"] as const)(
  "a guest has no time zone but UTC at placement %s, whatever the host's",
  async (placement) => {
    vi.stubEnv("TZ", "America/New_York");
    const variables = "(call $environ_sizes_get (i32.const 2048) (i32.const 2052))";
    const guest = wasiProbe(`(i32.add ${variables} (i32.load (i32.const 2048)))`, {});
    await using runtime = wasm({ placement });
    const manifest = { name: "guest", runtime: "wasm", module: "guest.wasm", exports: ["echo"] };
    const module = await runtime.load({ manifest, files: { "guest.wasm": guest } });
    expect(await module.invoke("echo", "[1]")).toBe("0");
  },
);
