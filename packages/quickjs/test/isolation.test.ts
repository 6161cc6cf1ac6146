import { expect, test } from "vitest";
import { isolationTests } from "../../../fixtures/javascript/isolation.ts";
import { guests, load } from "./guest.ts";

isolationTests(guests);

test("two modules never see each other's globals, in one memory or in two", async () => {
  for (const memory of ["own", "shared"] as const) {
    await using first = await load(
      "Object.prototype.leak = 1; globalThis.leak2 = 2; function f() { return [({}).leak, leak2] }",
      { runtime: { memory } },
    );
    await using second = await load("function f() { return [typeof ({}).leak, typeof leak2] }", {
      runtime: { memory },
    });
    expect(await first.invoke("f", "1")).toBe("[1,2]");
    expect(await second.invoke("f", "1")).toBe('["undefined","undefined"]');
  }
});
