import { expect, test } from "vitest";
import { v8 } from "../dist/index.js";

const EXTENSION = {
  manifest: { name: "guest", runtime: "v8", module: "guest.js", exports: ["double"] },
  files: { "guest.js": "function double(value) { return value * 2 }" },
};

test("a worker thread is refused, with what to do instead", () => {
  expect(() => v8({ placement: "thread" })).toThrow(
    expect.objectContaining({ code: "ERR_EXT_UNSUPPORTED", message: expect.stringMatching(/place it in a process/) }),
  );
});

test("a process serves it, a manifest's word for a thread is refused there, and the next load works", async () => {
  await using runtime = v8({ placement: "process", processes: { max: 1, spare: 0 } });
  const manifest = { ...EXTENSION.manifest, placement: "thread" as const };
  const inThread = v8().load({ ...EXTENSION, manifest });
  await expect(inThread).rejects.toMatchObject({ code: "ERR_EXT_UNSUPPORTED" });
  const module = await runtime.load(EXTENSION);
  expect(await module.call("double", 21)).toBe(42);
});
