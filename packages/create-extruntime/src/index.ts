import { type ExitCode, type Io, run } from "@extruntime/cli";

/**
 * `npm create extruntime`: the command `init` of `@extruntime/cli`, for an extension with a package.json of its own.
 *
 * @returns what a process would exit with. It does not throw.
 */
export function create(args: readonly string[], io: Io = process): Promise<ExitCode> {
  return run(["init", "--package", ...args], io);
}
