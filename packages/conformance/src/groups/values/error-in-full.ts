import assert from "node:assert/strict";
import type { GuestErrorDetails } from "extruntime";
import { expectCode, failure, sameJson, show } from "../../expect/expect.ts";
import type { Subject } from "../../facts/facts.ts";
import { CORE_FOLDER, KIT_FOLDER } from "../../host/host-folders.ts";
import type { Test } from "../test.ts";

/** Calls that fail at a time. */
const TOGETHER = 12;

/** What a guest's error has beside its name, its message and its stack. */
export function errorInFull({ capabilities }: Subject): Test {
  return {
    name: "an error keeps its code, its data, its causes and its parts, as plain data",
    async run(bench) {
      const module = await bench.load("throw-more", { limits: { maxInstances: 2 } });
      const thrown = (data: unknown) =>
        failure(() => bench.answered(module.call("fail", data), "a guest that throws"), "a guest that throws");
      const expectTold = (error: unknown, data: unknown) => {
        const { guest } = expectCode(error, "ERR_EXT_GUEST", "the call");
        assert.ok(guest !== undefined, "the error must have what the guest threw, as `guest`");
        expectInFull(guest, data);
        if (capabilities.hardSandbox) expectNoHost(guest);
      };
      for (const data of [{ a: ["é", null] }, "text", false]) expectTold(await thrown(data), data);
      if (capabilities.sync)
        expectTold(await failure(() => module.invokeSync("fail", '"at once"'), "invokeSync of it"), "at once");
      const errors = await Promise.all(Array.from({ length: TOGETHER }, (_, i) => thrown(i)));
      errors.forEach(expectTold);
    },
  };
}

function expectInFull(guest: GuestErrorDetails, data: unknown): void {
  assert.equal(guest.code, "E_ABOVE", "the code of the guest's error is lost");
  assert.ok(
    sameJson(guest.data, data),
    `the data of the guest's error must be ${show(data)}, and is ${show(guest.data)}`,
  );
  const { cause } = guest;
  assert.deepEqual([cause?.message, cause?.code], ["beneath", 7], "the cause of the guest's error is lost");
  assert.match(cause?.name ?? "", /^(?:Range|Index|)Error$/, "the name of the cause is lost");
  assert.equal(cause?.cause?.message, "at the bottom", "the cause of the cause is lost");
  const parts = guest.errors?.map(({ name, message }) => [name, message]);
  assert.deepEqual(parts?.[1], ["TypeError", "second"], "the parts of the guest's error are lost");
  assert.deepEqual([parts.length, parts[0]?.[1]], [2, "first"], "the parts of the guest's error are lost");
  const copy: unknown = JSON.parse(JSON.stringify(guest));
  assert.ok(sameJson(copy, guest), "what is told of the guest's error must be plain data");
}

/** Its stack, and those of what lies below it, are the guest's own. */
function expectNoHost(guest: GuestErrorDetails): void {
  const told = JSON.stringify(guest);
  for (const path of [CORE_FOLDER, KIT_FOLDER, "node:internal"])
    assert.ok(!told.includes(path), `what is told of the guest's error has a file of the host: ${show(told)}`);
}
