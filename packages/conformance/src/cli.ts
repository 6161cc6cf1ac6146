#!/usr/bin/env node
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import {
  type ConformanceReport,
  type ConformanceSetup,
  formatReport,
  runConformance,
  type TestResult,
} from "./index.ts";

const USAGE = `Runs the conformance kit of extruntime on an engine, and prints which of its promises are proved.

    extruntime-conformance <package or file> --guests <folder> [options]

    --guests <folder>            its guests; <language>=<folder> for each, where it accepts several languages
    --validate <folder>          a validate extension; again for each. By default the guest "validate"
    --export <name>              export that makes the runtime; by default what the package registers
    --options <json>             given to the factory
    --placement <where>          short for --options '{"placement":"<where>"}'
    --escapes <file>             module with further attempts to escape
    --json                       prints the report as JSON instead of the table
    --output <file>              writes the report as JSON to a file too
    --repeats <share>            how often what is only repeated to be sure is done: 0.2 for a fifth; 1 by default
    --whole <promises>           what every test tries, as in crashIsolation,memoryLimit; of the rest the smoke set does. All by default
    --patience <milliseconds>    after which a test counts as hanging; 60000 by default

The exit code is 0 where every promise is proved, 1 where one is broken, and 2 where the engine cannot be tested.
`;

const write = (text: string) => process.stdout.write(text);
const note = (text: string) => process.stderr.write(text);
process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  try {
    const { values, positionals } = parse(args);
    if (values.help === true) {
      write(USAGE);
      return 0;
    }
    const report = await runConformance(setupOf(values, positionals), progress);
    if (process.stderr.isTTY) note("\r\u001b[K");
    write(values.json === true ? `${JSON.stringify(report, null, 2)}\n` : formatReport(report));
    if (values.output !== undefined) writeFileSync(values.output, `${JSON.stringify(report, null, 2)}\n`);
    return exitCode(report);
  } catch (error) {
    note(`${error instanceof Error ? error.message : String(error)}\n`);
    return 2;
  }
}

function parse(args: string[]) {
  return parseArgs({
    args,
    allowPositionals: true,
    options: {
      guests: { type: "string", multiple: true, default: [] },
      validate: { type: "string", multiple: true },
      export: { type: "string" },
      options: { type: "string", default: "{}" },
      placement: { type: "string" },
      escapes: { type: "string" },
      json: { type: "boolean" },
      output: { type: "string" },
      patience: { type: "string" },
      repeats: { type: "string" },
      whole: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
}

type Values = ReturnType<typeof parse>["values"];

function setupOf(values: Values, positionals: string[]): ConformanceSetup {
  const [engine] = positionals;
  if (engine === undefined || positionals.length > 1 || values.guests.length === 0) throw new TypeError(USAGE);
  const placement = values.placement === undefined ? {} : { placement: values.placement };
  return {
    engine,
    export: values.export,
    options: { ...(JSON.parse(values.options) as object), ...placement },
    guests: guestsOf(values.guests),
    validate: values.validate,
    escapes: values.escapes,
    repeats: values.repeats === undefined ? undefined : Number(values.repeats),
    whole: values.whole?.split(",").filter((name) => name !== "") as ConformanceSetup["whole"],
    patienceMs: values.patience === undefined ? undefined : Number(values.patience),
  };
}

function guestsOf(folders: readonly string[]): ConformanceSetup["guests"] {
  const pairs = folders.map((folder) => /^([a-z0-9+#-]+)=(.+)$/.exec(folder));
  if (folders.length === 1 && pairs[0] === null) return folders[0]!;
  return Object.fromEntries(
    pairs.map((pair, i) => {
      if (pair === null) throw new TypeError(`--guests ${folders[i]}: with several, each must be <language>=<folder>`);
      return [pair[1]!, pair[2]!];
    }),
  );
}

function progress({ group, name, failure }: TestResult): void {
  if (process.stderr.isTTY) note(`\r\u001b[K${failure === undefined ? "✓" : "✗"} ${group} > ${name}`.slice(0, 110));
}

function exitCode({ passed, unavailable }: ConformanceReport): number {
  if (unavailable !== undefined) return 2;
  return passed ? 0 : 1;
}
