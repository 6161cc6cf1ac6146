import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { CallMessage, LogFields } from "extruntime";
import { expect, it } from "vitest";
import { pyvm } from "../dist/index.js";
import { cpython, hasOwnGil } from "./guest.ts";

const STARTS = "tracing:extruntime:call:start";

it.each(["inline", "thread", "process"] as const)(
  "lines of calls that overlap name their calls, placed %s",
  async (placement) => {
    process.env.PYVM_PYTHON = cpython.executable;
    await using runtime = pyvm({ placement });
    const said = new Map<string, LogFields>();
    const calls = new Map<string, number>();
    const module = await runtime.load(
      {
        manifest: {
          ...{ name: "says", runtime: "pyvm", module: "guest.py", exports: ["say"], limits: { maxInstances: 2 } },
          ...(hasOwnGil ? {} : { python: { interpreter: "shared" } }),
        },
        files: { "guest.py": "print('loaded')\n\ndef say(value):\n    print(value)\n" },
      },
      { logger: { info: (message, fields) => said.set(message, fields) } },
    );
    const note = (message: unknown) => {
      const { payload, callId } = message as CallMessage;
      calls.set(JSON.parse(payload) as string, callId);
    };
    subscribe(STARTS, note);
    const answers = Array.from({ length: 30 }, (_, i) => module.call("say", `line ${i}`));
    unsubscribe(STARTS, note);
    await Promise.all(answers);
    await expect.poll(() => said.size, { timeout: 30_000 }).toBe(31);
    expect(said.get("loaded")).not.toHaveProperty("callId");
    said.delete("loaded");
    for (const [line, fields] of said)
      expect([line, fields.function, fields.callId]).toEqual([line, "say", calls.get(line)]);
  },
);
