import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { patience, RETRIES, type Tried } from "./patience.ts";
import { engine, failuresOf } from "./run-tests.ts";

/** What the kit says of a canary that was touched, or of a host that is gone. */
const TOUCHED =
  /the guest (got hold|says that it escaped|wrote|closed|changed|set|opened)|the process in which the test ran (was ended|exited|did not answer)/;

/** Which of these attempts an engine falls to. */
async function fallsTo(name: string, folder: string, attempts: readonly string[], task: Tried): Promise<string[]> {
  const guests = new URL(`../../../fixtures/guests/${folder}/`, import.meta.url);
  const setup = { engine: engine("leaky.mjs"), export: name, guests, patienceMs: patience(2_000, task) };
  const ids = attempts.map((attempt) => `escapes from the sandbox > ${attempt}: gets nowhere`);
  const failures = await failuresOf(setup, new RegExp(`^(${ids.join("|")})$`));
  return attempts.filter((_, i) => TOUCHED.test(failures.get(ids[i]!) ?? ""));
}

it.for([
  [
    "the host's own realm, declared a sandbox,",
    "realm",
    "native",
    [
      "finds no global of the host",
      "constructor.constructor of console",
      "imports node:fs",
      "imports a file by its path",
      "reads a file",
      "writes a file",
      "reads the environment",
      "opens a connection",
      "starts a process",
      "ends the process",
      "replaces JSON",
      "throws into the host later",
      "host functions: constructor.constructor of what they are called with",
    ],
  ],
  [
    "a node:vm context that is handed an object of the host",
    "vm",
    "native",
    [
      "constructor.constructor of console",
      "reads a file",
      "writes over a file",
      "changes the environment",
      "adds a global to the host",
      "sets the exit code",
      "host functions: constructor.constructor of what they are called with",
      "host functions: the promise of an answer",
      "host functions: the values of answers",
      "host functions: the errors of answers",
      "host functions: Error.prepareStackTrace while one fails",
      "host functions: values with toJSON, then, getters and proxies",
      "host functions: the call itself by call, apply, bind and new",
      "host functions: a call after its function has returned",
    ],
  ],
  [
    "node:wasi with the host's files and environment",
    "wasi",
    "wasm",
    [
      "path_open of the secret, and of a file to be",
      "path_unlink_file of the secret, and of a file to be",
      "reads the environment",
      "exits with a code",
    ],
  ],
  ["node:wasi with the host's arguments", "wasiArguments", "wasm", ["reads the arguments"]],
  ["node:wasi with the host's working directory", "wasiFolder", "wasm", ["reads the arguments"]],
  ...(hasPython()
    ? [
        [
          "a Python with the host's rights",
          "python",
          "pyvm",
          [
            "reads a file",
            "writes a file",
            "reads the environment",
            "opens a connection",
            "kills the host",
            "finds os among the subclasses",
          ],
        ] as const,
      ]
    : []),
] as const)("%s falls to attempts to escape", { retry: RETRIES }, async ([_, name, folder, attempts], { task }) => {
  expect(await fallsTo(name, folder, attempts, task)).toEqual(attempts);
});

function hasPython(): boolean {
  try {
    execFileSync("python3", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
