// The process placement against a hand-written pipe with JSON lines. `node benchmarks/placement/process.mjs [rounds]`
import { fileURLToPath } from "node:url";
import { native } from "../../packages/extruntime/dist/index.js";
import { jsonLines } from "./process-peer.mjs";
import { atOnce, fastest, interleave, row, serial } from "./rounds.mjs";

const rounds = Number(process.argv[2] ?? 25);
const folder = fileURLToPath(new URL("../../fixtures/validate-email/native", import.meta.url));
const runtime = native({ placement: "process" });
const module = await runtime.load(folder);
const invoke = (payload) => module.invoke("validate", payload);
const peers = { each: jsonLines(1), two: jsonLines(2), batched: jsonLines(1, true) };

const one = await interleave({ each: () => serial(peers.each.call, 1000), invoke: () => serial(invoke, 1000) }, rounds);
console.log("One call at a time");
row("JSON lines over a pipe", one.each, one.each);
row("invoke", one.invoke, one.each);

const many = await interleave(
  {
    each: () => atOnce(peers.each.call, 64, 10_000),
    two: () => atOnce(peers.two.call, 64, 10_000),
    batched: () => atOnce(peers.batched.call, 64, 10_000),
    invoke: () => atOnce(invoke, 64, 10_000),
  },
  rounds,
);
console.log("\n64 calls at once");
row("JSON lines, a child", many.each, many.each);
row("JSON lines, two children", many.two, many.each);
row("JSON lines put together per tick, a child", many.batched, many.each);
row("invoke, against a child", many.invoke, many.each, 1 / 1.5);
row("invoke, against the faster of one and two", many.invoke, fastest(many.each, many.two));
row("invoke, against lines put together per tick", many.invoke, many.batched);

await runtime.close();
for (const peer of Object.values(peers)) peer.close();
