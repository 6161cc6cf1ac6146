import { expect, test } from "vitest";
import { type GuestOptions, hasOwnGil, load, testIf } from "./guest.ts";

const source = `
import extruntime
from extruntime import config

def f(_): return extruntime.config, config is extruntime.config

def change(_):
    extruntime.config["seen"] = True
    return extruntime.config
`;

function configured(interpreter: "isolated" | "shared", options: GuestOptions = {}) {
  const manifest = { config: { url: "https://example.com", deep: { list: [1, null, "é"] } }, python: { interpreter } };
  return load(source, { exports: ["f", "change"], manifest, ...options });
}

for (const interpreter of ["isolated", "shared"] as const) {
  const check = testIf(interpreter === "shared" || hasOwnGil);

  check(`config of the manifest and of the host come to the guest (${interpreter})`, async () => {
    await using module = await configured(interpreter, { config: { url: "https://example.org", more: true } });
    const config = { url: "https://example.org", deep: { list: [1, null, "é"] }, more: true };
    expect(await module.call("f")).toEqual([config, true]);
  });

  check(`each instance has a copy of its own (${interpreter})`, async () => {
    const [one, two] = [await configured(interpreter), await configured(interpreter, { config: { url: "2" } })];
    expect(await one.call("change")).toMatchObject({ url: "https://example.com", seen: true });
    expect(await two.call("f")).toEqual([{ url: "2", deep: { list: [1, null, "é"] } }, true]);
    await Promise.all([one.close(), two.close()]);
  });
}

test("an extension without config has an empty one", async () => {
  await using module = await load(source, { exports: ["f"] });
  expect(await module.call("f")).toEqual([{}, true]);
});
