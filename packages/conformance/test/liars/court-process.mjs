// A process in which liars are tried, one at a time, for `scripts/liars.mjs`: one that ends or hangs its process costs no more than that.
import { readFileSync, writeFileSync } from "node:fs";
import { toyGuests } from "../toy-guests.mjs";
import { openCourt } from "./court.mjs";
import { LIES } from "./lies.mjs";

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
  process.send({
    name,
    ...(quick.test === undefined && whole === "whole" ? await court.try(lie, court.tests(lie)) : quick),
  });
});
process.send({ ready: true });
