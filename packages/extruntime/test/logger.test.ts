import { Console } from "node:console";
import { Writable } from "node:stream";
import fastify from "fastify";
import pino from "pino";
import { afterEach, describe, expect, it } from "vitest";
import { type ExtensionFiles, ExtensionHost, fieldsFirst, type LogFields, native } from "../dist/index.js";

const SOURCE: ExtensionFiles = {
  manifest: {
    name: "speaker",
    version: "1.2.3",
    runtime: "native",
    module: "main.js",
    exports: ["speak", "wait", "later"],
  },
  files: {
    "main.js": `
export const speak = (value, { log }) => { log("info", value); log("warn", value); };
export const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const later = async (value, { log }) => { await null; log("error", value); };
`,
  },
};

const hosts: ExtensionHost[] = [];
afterEach(() => Promise.all(hosts.splice(0).map((host) => host.close())));

async function speaking(logger: NonNullable<ConstructorParameters<typeof ExtensionHost>[0]["logger"]>) {
  const host = new ExtensionHost({ runtimes: [native()], logger });
  hosts.push(host);
  await host.load(SOURCE);
  return host;
}

function sink(): { stream: Writable; text: () => string } {
  let text = "";
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += chunk;
      done();
    },
  });
  return { stream, text: () => text };
}

/** What JSON lines say, without what differs from run to run. */
function lines(text: string): unknown[] {
  return text
    .trim()
    .split("\n")
    .map((line) => {
      const { time, pid, hostname, reqId, ...rest } = JSON.parse(line);
      return rest;
    });
}

const FIELDS = {
  extension: "speaker",
  version: "1.2.3",
  runtime: "native",
  function: "speak",
  callId: expect.any(Number),
};

describe("a line of a guest", () => {
  it("is to pino its fields and then its message, children included", async () => {
    const { stream, text } = sink();
    const host = await speaking(pino(stream).child({ service: "one" }));
    await host.call("speaker", "speak", "hello %s");
    expect(lines(text())).toEqual([
      { level: 30, service: "one", ...FIELDS, msg: "hello %s" },
      { level: 40, service: "one", ...FIELDS, msg: "hello %s" },
    ]);
  });

  it("is the same to Fastify's logger, and to that of a request", async () => {
    const { stream, text } = sink();
    const app = fastify({ logger: { stream } });
    const host = await speaking(app.log);
    app.get("/", async (request) => {
      const own = await native().load(SOURCE, { logger: request.log });
      await own.call("speak", "in a request");
      await own.close();
      return host.call("speaker", "speak", "hello");
    });
    await app.inject("/");
    await app.close();
    expect(lines(text()).filter((line) => (line as LogFields).extension !== undefined)).toEqual(
      ["in a request", "hello"].flatMap((msg) => [30, 40].map((level) => ({ level, ...FIELDS, msg }))),
    );
  });

  it("is to console its message and then its fields", async () => {
    const { stream, text } = sink();
    const host = await speaking(new Console(stream, stream));
    await host.call("speaker", "speak", "hello");
    expect(text()).toMatch(
      /^hello \{\s+extension: 'speaker',\s+version: '1\.2\.3',[\s\S]*function: 'speak',\s+callId: \d+\s+\}\nhello \{/,
    );
  });

  it("is to a logger that says so its fields and then its message", async () => {
    const seen: unknown[] = [];
    const bunyan = { info: (fields: object, message: string) => seen.push([fields, message]), warn() {} };
    const host = await speaking(fieldsFirst(bunyan));
    await host.call("speaker", "speak", "hello");
    expect(seen).toEqual([[FIELDS, "hello"]]);
  });

  it("of the host itself goes there too", async () => {
    const { stream, text } = sink();
    const folder = new URL("../../../fixtures/validate-email/native", import.meta.url);
    const host = new ExtensionHost({ runtimes: [native()], logger: pino(stream) });
    hosts.push(host);
    await host.load(folder);
    expect(lines(text())).toMatchObject([{ level: 40, extension: "validate-email", msg: /this host has no policy/ }]);
  });
});

describe("the call of a line", () => {
  function recorder() {
    const seen: LogFields[] = [];
    const at = (_message: string, fields: LogFields) => void seen.push(fields);
    return { seen, logger: { info: at, warn: at, error: at } };
  }

  it.each(["inline", "thread", "process"] as const)("is named where it runs alone, placed %s", async (placement) => {
    const { seen, logger } = recorder();
    const runtime = native({ placement, logger });
    const module = await runtime.load(SOURCE);
    await module.call("speak", "one");
    await module.call("later", "two");
    expect(seen.map((fields) => fields.function)).toEqual(["speak", "speak", "later"]);
    expect(new Set(seen.map((fields) => fields.callId)).size).toBe(2);
    await runtime.close();
  });

  it("is named inline beside others while its guest holds the thread, and left out where that is uncertain", async () => {
    const { seen, logger } = recorder();
    const runtime = native({ logger });
    const module = await runtime.load(SOURCE);
    const waiting = module.call("wait", 20);
    await module.call("speak", "one");
    await module.call("later", "two");
    await waiting;
    expect(seen.map((fields) => fields.function)).toEqual(["speak", "speak", undefined]);
    await runtime.close();
  });
});
