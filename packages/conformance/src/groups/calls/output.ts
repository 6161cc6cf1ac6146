import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { CallMessage, LogFields, Logger } from "extruntime";
import type { Bench } from "../../bench/bench.ts";
import type { Subject } from "../../facts/facts.ts";
import type { Group, Test } from "../test.ts";

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields;
}

const FIELDS = new Set(["extension", "version", "runtime", "function", "callId"]);
const CALL_STARTS = "tracing:extruntime:call:start";

export function outputGroup(_subject: Subject): Group {
  return { name: "output to the logger", promise: "contract", tests };
}

const tests: readonly Test[] = [
  {
    name: "what a guest prints arrives, with the names of the extension and the runtime",
    async run(bench) {
      const { lines, logger } = recorder();
      const module = await bench.load("print", { logger });
      assert.equal(await module.call("print", "to be seen"), null);
      await arrived(bench, lines, 1);
      const [line] = lines;
      assert.match(line!.message, /^"?to be seen"?$/);
      const { extension, version, runtime, function: fn, callId } = line!.fields;
      assert.deepEqual([extension, version, runtime], [module.name, module.version, bench.subject.runtime]);
      const others = Object.keys(line!.fields).filter((key) => !FIELDS.has(key));
      assert.deepEqual(others, [], "fields of a line that no logger knows of");
      // A line that comes when its call has ended is of none.
      if (fn !== undefined || callId !== undefined)
        assert.ok(fn === "print" && Number.isInteger(callId), `the line of one call names ${fn}, call ${callId}`);
    },
  },
  {
    name: "lines arrive in order, whole, with every letter",
    async run(bench) {
      const { lines, logger } = recorder();
      const module = await bench.load("print", { logger, limits: { maxInstances: 1 } });
      // Each twice: a line that is the same as the one before it is another one.
      const texts = Array.from({ length: 50 }, (_, i) => `line ${i >> 1} é€😀`);
      for (const text of texts) await module.call("print", text);
      await arrived(bench, lines, 50);
      assert.deepEqual(
        lines.map((line) => line.message.replaceAll('"', "")),
        texts,
      );
    },
  },
  {
    name: "a line that names a call names the one whose guest said it, though calls overlap",
    async run(bench) {
      const { lines, logger } = recorder();
      const runtime = await bench.runtime();
      const load = () => bench.load("print", { logger, limits: { maxInstances: 3 } }, runtime);
      const modules = [await load(), await load()];
      const ids = new Map<string, number>();
      const note = (message: unknown) => {
        const { payload, callId } = message as CallMessage;
        ids.set(JSON.parse(payload) as string, callId);
      };
      subscribe(CALL_STARTS, note);
      try {
        await Promise.all(Array.from({ length: 60 }, (_, i) => modules[i % 2]!.invoke("print", `"call ${i}"`)));
      } finally {
        unsubscribe(CALL_STARTS, note);
      }
      await arrived(bench, lines, 60);
      for (const { message, fields } of lines) {
        const said = message.replaceAll('"', "");
        if (fields.callId === undefined && fields.function === undefined) continue;
        const named = [fields.function, fields.callId];
        assert.deepEqual(named, ["print", ids.get(said)], `the line of ${said} names another call`);
      }
    },
  },
  {
    name: "two modules print to their own loggers",
    async run(bench) {
      const runtime = await bench.runtime();
      const [first, second] = [recorder(), recorder()];
      const modules = [
        await bench.load("print", { logger: first.logger }, runtime),
        await bench.load("print", { logger: second.logger }, runtime),
      ];
      await Promise.all([modules[0]!.call("print", "first"), modules[1]!.call("print", "second")]);
      await arrived(bench, first.lines, 1);
      await arrived(bench, second.lines, 1);
      assert.deepEqual(
        [first, second].map(({ lines }) => lines.map((line) => line.message.replaceAll('"', ""))),
        [["first"], ["second"]],
      );
    },
  },
  {
    name: "a logger that throws, one without methods, and none at all do the call no harm",
    async run(bench) {
      const throwing: Logger = {
        info() {
          throw new Error("the disk is full");
        },
      };
      for (const logger of [throwing, {}, undefined]) {
        const module = await bench.load("print", { logger });
        assert.equal(await module.call("print", "lost"), null);
        assert.equal(await module.call("print", "lost"), null);
      }
    },
  },
  {
    name: "a line of a megabyte arrives cut, in pieces or whole, and does no harm",
    async run(bench) {
      const { lines, logger } = recorder();
      const module = await bench.load("print", { logger });
      assert.equal(await module.call("print", "x".repeat(1_000_000)), null);
      await someArrived(bench, lines, 1);
      assert.match(lines[0]!.message.slice(0, 10), /^"?x+$/);
    },
  },
];

function recorder(): { lines: Line[]; logger: Logger } {
  const lines: Line[] = [];
  const at = (level: string) => (message: string, fields: LogFields) => void lines.push({ level, message, fields });
  return { lines, logger: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") } };
}

/** Output of an engine on another thread may come after the answer. */
async function someArrived(bench: Bench, lines: readonly Line[], count: number): Promise<void> {
  let givenUp = false;
  const all = (async () => {
    while (lines.length < count && !givenUp) await new Promise((resolve) => setImmediate(resolve));
  })();
  try {
    await bench.answered(all, `the arrival of ${count} lines of output`, 0.25);
  } finally {
    givenUp = true;
  }
}

async function arrived(bench: Bench, lines: readonly Line[], count: number): Promise<void> {
  await someArrived(bench, lines, count);
  assert.equal(lines.length, count, "there is more output than the guest printed");
}
