// A host on a disk that is full: run by full-disk.test.ts in a process of its own.
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { native } from "../../dist/index.js";

const FILLER = "/dev/shm/filler";
const source = {
  manifest: { name: "guest", runtime: "native", module: "guest.mjs", exports: ["echo", "say"] },
  files: {
    "guest.mjs": `
import { writeSync } from "node:fs";
export const echo = (value) => value;
export const say = (value) => { writeSync(2, "a line of the guest's\\n"); return value; };
`,
  },
};
const runtime = native({ placement: "process", processes: { max: 1, spare: 0 } });
const module = await runtime.load(source);

if (process.argv[2] === "stderr") {
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => module.call("say", i)));
  console.log(`${answers.length} answers`);
} else {
  fill();
  const served = await Promise.all(Array.from({ length: 2000 }, (_, i) => module.call("echo", `${i}`.repeat(20))));
  const other = native({ placement: "process", processes: { max: 1, spare: 0 } });
  const whenFull = await other.load(source).catch(({ code, message }) => ({ code, message }));
  rmSync(FILLER);
  const afterwards = await (await other.load(source)).call("echo", 1);
  await other.close();
  console.log(JSON.stringify({ served: served.length, whenFull, afterwards }));
}
await runtime.close();

function fill() {
  const fd = openSync(FILLER, "w");
  const block = Buffer.alloc(4096, 1);
  try {
    for (;;) writeSync(fd, block);
  } catch (error) {
    if (error.code !== "ENOSPC") throw error;
  } finally {
    closeSync(fd);
  }
}
