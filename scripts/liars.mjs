// Tries every liar that is made from the toy engine, and prints the table of which test of the conformance kit rejects each. Half an hour. `node scripts/liars.mjs [all | 10 | 10+3]`.
import { spawn } from "node:child_process";

const test = "packages/conformance/test/generated-liars.test.ts";
const args = ["-y", "pnpm@12.21.0", "exec", "vitest", "run", test, "--reporter=dot", "--disable-console-intercept"];
const env = { ...process.env, EXTRUNTIME_LIARS: process.argv[2] ?? "all" };
spawn("npx", args, { stdio: "inherit", env }).on("exit", (code) => {
  process.exitCode = code ?? 1;
});
