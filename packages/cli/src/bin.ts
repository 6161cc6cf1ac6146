#!/usr/bin/env node
import { Console } from "node:console";
import { EXIT } from "./exit-codes.ts";
import { run } from "./run.ts";

// An extension of the host's own JavaScript may log as it likes: standard output is for what was asked for.
globalThis.console = new Console(process.stderr);
// Whoever reads may have enough before the end, as `head` does.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

let done = false;
// An extension of the host's own JavaScript can end the process with 0, or wait for what never comes: neither is a success.
process.on("exit", () => {
  if (done) return;
  process.stderr.write(
    "error: the process ended before the command did: an extension ended it, or waits for what never comes\n",
  );
  process.exitCode = EXIT.failed;
});

const code = await run(process.argv.slice(2));
done = true;
// What an extension has left behind, a timer say, does not hold the command up; what was written is waited for.
process.stdout.write("", () => process.stderr.write("", () => process.exit(code)));
