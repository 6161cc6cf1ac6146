// Prints { growth }: bytes of heap that 200,000 calls left behind. Run with --expose-gc.
import { fixture } from "extruntime-fixtures";
import { native } from "../dist/index.js";

const module = await native().load(fixture("validate-email/native"));
const later = await native().load(fixture("guests/native/async"));

async function calls(count) {
  for (let i = 0; i < count; i += 4) {
    module.invokeSync("validate", '{"email":"a@b.co","age":1}');
    await module.invoke("validate", '{"email":"a@b.co","age":1}');
    await later.invoke("later", "1");
    await module.invoke("validate", "{").catch(() => {});
  }
}

async function heap() {
  for (let i = 0; i < 4; i++) {
    await new Promise(setImmediate);
    globalThis.gc();
  }
  return process.memoryUsage().heapUsed;
}

await calls(20_000);
const before = await heap();
await calls(200_000);
process.stdout.write(JSON.stringify({ growth: (await heap()) - before }));
