// The thread placement against hand-written worker threads. `node benchmarks/placement/thread.mjs [rounds]`
import { fileURLToPath } from "node:url";
import { native } from "../../packages/extruntime/dist/index.js";
import { atOnce, blockingSerial, fastest, interleave, row, serial } from "./rounds.mjs";
import { batched, blocking, posted } from "./thread-peer.mjs";

const rounds = Number(process.argv[2] ?? 25);
const folder = fileURLToPath(new URL("../../fixtures/validate-email/native", import.meta.url));
const runtime = native({ placement: "thread" });
const module = await runtime.load(folder);
const peers = { posted: posted(), blocking: blocking(), one: batched(1), two: batched(2) };
const invoke = (payload) => module.invoke("validate", payload);

const one = await interleave(
  {
    posted: () => serial(peers.posted.call, 1500),
    invoke: () => serial(invoke, 1500),
    blocking: () => blockingSerial(peers.blocking.call, 1500),
    invokeSync: () => blockingSerial((payload) => module.invokeSync("validate", payload), 1500),
  },
  rounds,
);
console.log("One call at a time");
row("postMessage round trip", one.posted, one.posted);
row("Atomics round trip, which blocks the caller", one.blocking, one.posted);
row("invoke, against postMessage", one.invoke, one.posted, 1.3);
row("invoke, against the blocking round trip", one.invoke, one.blocking);
row("invokeSync, against the blocking round trip", one.invokeSync, one.blocking, 1.3);

const many = await interleave(
  {
    one: () => atOnce(peers.one.call, 64, 20_000),
    two: () => atOnce(peers.two.call, 64, 20_000),
    invoke: () => atOnce(invoke, 64, 20_000),
  },
  rounds,
);
console.log("\n64 calls at once");
row("postMessage batched per tick, one thread", many.one, many.one);
row("postMessage batched per tick, two threads", many.two, many.one);
row("invoke, against one thread", many.invoke, many.one, 1);
row("invoke, against the faster of both", many.invoke, fastest(many.one, many.two));

await runtime.close();
await Promise.all(Object.values(peers).map((peer) => peer.close()));
