#!/usr/bin/env node
import { Console } from "node:console";
import { run } from "./run.ts";

// An extension of the host's own JavaScript may log as it likes: standard output is for what was asked for.
globalThis.console = new Console(process.stderr);
// Whoever reads may have enough before the end, as `head` does.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

const code = await run(process.argv.slice(2));
// What an extension has left behind, a timer say, does not hold the command up; what was written is waited for.
process.stdout.write("", () => process.stderr.write("", () => process.exit(code)));
