import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { call } from "./commands/call.ts";
import { check } from "./commands/check.ts";
import { type Context, type Outcome, printJson } from "./commands/command.ts";
import { doctor } from "./commands/doctor.ts";
import { init } from "./commands/init.ts";
import { test } from "./commands/test.ts";
import { EXIT, type ExitCode, UsageError } from "./exit-codes.ts";
import { LANGUAGES } from "./init/languages.ts";
import { type Io, Output, visible } from "./terminal/io.ts";
import { version } from "./version.ts";

/**
 * Runs the command line `extruntime` with these arguments.
 *
 * @param io where it reads and writes: the process's own streams by default.
 * @returns what a process would exit with, one of {@link EXIT}. It does not throw, and ends no process.
 */
export async function run(args: readonly string[], io: Io = process): Promise<ExitCode> {
  const context: Context = {
    io,
    out: new Output(io.stdout),
    err: new Output(io.stderr),
    json: args.includes("--json"),
  };
  try {
    return await parse(args, context);
  } catch (error) {
    return told(error, context);
  }
}

async function parse(args: readonly string[], context: Context): Outcome {
  let outcome: Outcome = Promise.resolve(EXIT.ok);
  await program(context, (given) => (outcome = given)).parseAsync(args, { from: "user" });
  return outcome;
}

function told(error: unknown, context: Context): ExitCode {
  const { err } = context;
  if (error instanceof CommanderError) {
    // Help and the version were asked for; what is wrong with a command line, commander has written already.
    if (error.exitCode === 0) return EXIT.ok;
    if (context.json) printJson({ ok: false, error: { code: "USAGE", message: error.message } }, context);
    return EXIT.usage;
  }
  const usage = error instanceof UsageError;
  const message = usage ? error.message : `a fault of extruntime itself: ${(error as Error)?.stack ?? String(error)}`;
  if (context.json) printJson({ ok: false, error: { code: usage ? "USAGE" : "INTERNAL", message } }, context);
  err.line(`${err.colors.red("error:")} ${visible(message)}`);
  return usage ? EXIT.usage : EXIT.internal;
}

function program(context: Context, ran: (outcome: Outcome) => void): Command {
  const { io, err } = context;
  const root = new Command("extruntime")
    .description("Makes, checks, calls and tests extensions, and says what this machine can run.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error:/, err.colors.red("error:"))),
      getOutHasColors: () => context.out.colors.isColorSupported,
      getErrHasColors: () => err.colors.isColorSupported,
    })
    .configureHelp({ styleTitle: (text) => context.out.colors.bold(text) })
    .showHelpAfterError("(extruntime --help lists the commands and their options)")
    .addHelpText("after", EXITS);
  const json = ["--json", "print one JSON value on standard output"] as const;

  root
    .command("init")
    .description("make an extension, with a manifest, source, cases and a README; asks in a terminal")
    .argument("[folder]", "folder to make it in; the working directory without")
    .addOption(
      new Option("-l, --language <language>", "what it is written in; javascript without").choices(
        Object.keys(LANGUAGES),
      ),
    )
    .option("-r, --runtime <runtime>", "what runs it; quickjs, v8 or native for JavaScript")
    .option("-n, --name <name>", "what it is called; as its folder without")
    .option("--package", "give it a package.json; where it lies in no project of npm's, it gets one anyway")
    .option("--no-package", "give it none")
    .option("-y, --yes", "ask nothing")
    .option(...json)
    .action((folder: string | undefined, options) => {
      ran(init(folder, options, context));
    });
  root
    .command("check")
    .description("check an extension: its manifest, its files, and its code in its engine")
    .argument("<folder>", "folder of the extension")
    .option("--strict", "fail for warnings too")
    .option(...json)
    .action((folder: string, options) => {
      ran(check(folder, options, context));
    });
  root
    .command("call")
    .description(
      "call a function of an extension; its answer is on standard output, and what it prints on standard error",
    )
    .argument("<folder>", "folder of the extension")
    .argument("<fn>", "one of its exports")
    .argument("[value]", "JSON, @file with JSON, or - for standard input; null where it is left out")
    .addOption(new Option("--placement <where>", "the least isolated place to run it").choices(PLACEMENTS))
    .option("--timeout <ms>", "milliseconds that the call may take", milliseconds)
    .option("--function <name=file>", "a host function, from a module; may be given again", list)
    .option(...json)
    .action((folder: string, fn: string, value: string | undefined, options) => {
      ran(call(folder, fn, value, options, context));
    });
  root
    .command("test")
    .description("run the cases of an extension in its engine")
    .argument("<folder>", "folder of the extension")
    .option("--cases <file>", "the cases; cases.json of the folder without")
    .addOption(
      new Option("--placement <where>", "the nearest place to run them; may be given again, and all are tried")
        .choices(PLACEMENTS)
        .argParser((value: string, before: readonly string[] | undefined) => {
          if (!PLACEMENTS.includes(value))
            throw new InvalidArgumentError(`It must be one of ${PLACEMENTS.join(", ")}.`);
          return [...new Set(list(value, before))];
        }),
    )
    .option("--timeout <ms>", "milliseconds that a case may take", milliseconds, 10_000)
    .option("--junit <file>", "write JUnit's XML too")
    .option(...json)
    .action((folder: string, options) => {
      ran(test(folder, options, context));
    });
  root
    .command("doctor")
    .description("say what this machine can run, and what to do about what is missing")
    .option("--require <runtime>", "fail where this runtime cannot be had; may be given again", list)
    .option(...json)
    .action((options) => {
      ran(doctor(options, context));
    });
  return root;
}

const PLACEMENTS = ["inline", "thread", "process"];

function list(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

function milliseconds(value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 1 && number <= 2_147_483_647) return number;
  throw new InvalidArgumentError("It must be a whole number of milliseconds from 1 to 2147483647.");
}

const EXITS = `
Exit codes:
  0   all is well
  1   the extension is at fault
  2   the command line is
  3   the engine that is wanted cannot be had here
  70  extruntime itself is at fault`;
