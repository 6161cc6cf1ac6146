import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface ChildEnd {
  /** Exit code, or the signal that ended it. */
  readonly end: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

const INDEX = new URL("../dist/index.js", import.meta.url).href;
const PRELUDE = `
  import { v8 } from ${JSON.stringify(INDEX)};
  const load = (source, options) => v8().load(
    { manifest: { name: "guest", runtime: "v8", module: "guest.js", exports: ["f"] }, files: { "guest.js": source } }, options);
`;

/** Runs code as a program of its own, with \`load(source, options)\` for guests. */
export function runChild(code: string, args: string[] = []): Promise<ChildEnd> {
  return new Promise((resolve) => {
    const cwd = fileURLToPath(new URL(".", import.meta.url));
    const all = [...args, "--input-type=module", "-e", PRELUDE + code];
    execFile(process.execPath, all, { cwd, timeout: 100_000 }, (error, stdout, stderr) =>
      resolve({ end: error === null ? 0 : (error.signal ?? error.code ?? -1), stdout, stderr }),
    );
  });
}
