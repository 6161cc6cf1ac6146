// A process in which liars are tried, one at a time, for `scripts/liars.mjs`: one that ends or hangs its process costs no more than that.
import { readFileSync, writeFileSync } from "node:fs";
import { toyGuests } from "../toy-guests.mjs";
import { openCourt } from "./court.mjs";
import { LIES } from "./lies.mjs";

/** Milliseconds that it is watched, and those of processor time from which on something computes. */
const WATCH_MS = 50;
const COMPUTES_MS = 5;
const MOST_BYTES = 2 ** 30;
const [notes, whole, haste] = process.argv.slice(2);
const options = { hasty: haste === "hasty" };
const court = await openCourt(toyGuests());
if (notes === "look") {
  writeFileSync(whole, JSON.stringify(await court.notes()));
  process.exit();
}
court.know(JSON.parse(readFileSync(notes, "utf8")));
process.on("message", async (name) => {
  const lie = LIES.get(name);
  const quick = await court.try(lie, undefined, options);
  // Those tests alone could see it, as far as honest runs show; whoever passes them is tried by all.
  const verdict = quick.test === undefined && whole === "whole" ? await court.try(lie, court.tests(lie)) : quick;
  process.send({ name, ...verdict, spent: await isSpent() });
});

/** Whether guests compute on that nobody has stopped, or keep much: those who come after would have less of the processor, and fail for that. */
async function isSpent() {
  const before = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 > COMPUTES_MS || process.memoryUsage.rss() > MOST_BYTES;
}
process.send({ ready: true });
