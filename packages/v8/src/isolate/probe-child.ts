import { execFile } from "node:child_process";

/** Makes isolates as the engine does, and runs code in them. */
const TRIAL = `
const ivm = require(process.argv[1]);
for (let i = 0; i < 3; i++) {
  const isolate = new ivm.Isolate({ memoryLimit: 8 });
  if (isolate.createContextSync().evalSync("[1, 2].map((x) => x + 1).join()") !== "2,3") process.exit(1);
  isolate.dispose();
}
`;
const TIMEOUT_MS = 30_000;

/** How a child process of this Node ended that used isolated-vm, where it did not end well. */
export function tryInChild(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(process.execPath, ["-e", TRIAL, path], { timeout: TIMEOUT_MS, env: {} }, (error) => {
      if (error === null) resolve(undefined);
      else resolve(error.signal ? `was ended by ${error.signal}` : `failed with ${error.code}`);
    });
  });
}
