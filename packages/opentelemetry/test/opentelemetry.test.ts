import { context, SpanStatusCode } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { type ExtensionFiles, ExtensionHost, native } from "extruntime";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Instrumentation, instrument } from "../dist/index.js";

const exporter = new InMemorySpanExporter();
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const manager = new AsyncLocalStorageContextManager();
beforeAll(() => context.setGlobalContextManager(manager.enable()));
afterAll(() => context.disable());

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  exporter.reset();
});

function extension(name: string, body: string): ExtensionFiles {
  return {
    manifest: { name, version: "1.0.0", runtime: "native", module: "m.js", exports: ["run"], permissions: ["give"] },
    files: { "m.js": `export const run = async (value, { host }) => { ${body} };` },
  };
}

function start(options: Parameters<typeof instrument>[0] = {}): Instrumentation {
  const own = instrument({ tracerProvider, ...options });
  ends.push(() => own.disable());
  return own;
}

async function hostAt(placement: "inline" | "thread" | "process"): Promise<ExtensionHost> {
  const runtime = native({ placement, limits: { maxInstances: 1 } });
  const host: ExtensionHost = new ExtensionHost({
    runtimes: [runtime],
    hostFunctions: {
      give: async (value: number) => {
        await null;
        if (value < 0) throw new RangeError("below 0");
        return host.call("inner", "run", value);
      },
    },
  });
  ends.push(async () => {
    await host.close({ abort: true });
    await runtime.close({ abort: true });
  });
  await host.load(extension("outer", "return host.call('give', value);"));
  await host.load(extension("inner", "return value;"));
  return host;
}

/** Each span under its parent's name, in the order in which they began. */
function tree(): string[] {
  const spans = exporter.getFinishedSpans();
  const nameOf = (id: string | undefined) => spans.find((span) => span.spanContext().spanId === id)?.name ?? "–";
  const began = ({ startTime: [seconds, nanoseconds] }: ReadableSpan) => seconds * 1e9 + nanoseconds;
  return [...spans]
    .sort((a, b) => began(a) - began(b))
    .map((span) => `${nameOf(span.parentSpanContext?.spanId)} > ${span.name}`);
}

describe.each(["inline", "thread", "process"] as const)("spans, with guests placed %s,", (placement) => {
  it("have parents across host functions and the calls that these make", async () => {
    start();
    const host = await hostAt(placement);
    exporter.reset();
    expect(await host.call("outer", "run", 7)).toBe(7);
    expect(tree().sort()).toEqual(["host give > inner run", "outer run > host give", "– > outer run"].sort());
    const traces = new Set(exporter.getFinishedSpans().map((span) => span.spanContext().traceId));
    expect(traces.size).toBe(1);
  });

  it("keep calls that overlap apart, and tell what failed", async () => {
    start();
    const host = await hostAt(placement);
    exporter.reset();
    const [good, bad] = await Promise.allSettled([host.call("outer", "run", 1), host.call("outer", "run", -1)]);
    expect([good!.status, bad!.status]).toEqual(["fulfilled", "rejected"]);
    const spans = exporter.getFinishedSpans();
    const failed = spans.filter(({ status }) => status.code === SpanStatusCode.ERROR);
    expect(failed.map(({ name, attributes }) => [name, attributes["error.type"]]).sort()).toEqual([
      ["host give", "RangeError"],
      ["outer run", "ERR_EXT_GUEST"],
    ]);
    expect(new Set(failed.map((span) => span.spanContext().traceId)).size).toBe(1);
    expect(spans.find(({ name }) => name === "inner run")!.spanContext().traceId).not.toBe(
      failed[0]!.spanContext().traceId,
    );
  });
});

describe("spans", () => {
  it("of loads, of waiting and of synchronous calls are there too", async () => {
    start();
    const host = await hostAt("inline");
    expect(tree()).toEqual(["– > load outer", "– > load inner"]);
    exporter.reset();
    await Promise.all([host.call("inner", "run", 1), host.call("inner", "run", 2)]);
    expect(tree().sort()).toEqual(["inner run > wait inner", "– > inner run", "– > inner run"]);
    expect(() => host.get("inner")!.invokeSync("run", "3")).toThrow(/asynchronous/);
    expect(exporter.getFinishedSpans().at(-1)).toMatchObject({
      name: "inner run",
      attributes: {
        "code.function.name": "run",
        "error.type": "ERR_EXT_UNSUPPORTED",
        "extruntime.placement": "inline",
      },
    });
  });

  it("end when the instrumentation is disabled", async () => {
    const own = start();
    const host = await hostAt("inline");
    own.disable();
    exporter.reset();
    await host.call("outer", "run", 1);
    expect(tree()).toEqual([]);
  });
});

describe("metrics", () => {
  it("count and measure under semantic names", async () => {
    const memory = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter: memory, exportIntervalMillis: 3_600_000 });
    const meterProvider = new MeterProvider({ readers: [reader] });
    ends.push(() => meterProvider.shutdown());
    const host = await hostAt("inline");
    start({ meterProvider, host });
    await host.call("outer", "run", 1);
    await host.call("outer", "run", -1).catch(() => {});
    await host.replace(extension("inner", "return value;"));
    await meterProvider.forceFlush();
    const found = new Map(
      memory
        .getMetrics()
        .at(-1)!
        .scopeMetrics.flatMap(({ metrics }) => metrics)
        .map((metric) => [metric.descriptor.name, metric] as const),
    );
    const calls = found.get("extruntime.call.duration")!;
    expect(calls.descriptor.unit).toBe("s");
    expect(
      calls.dataPoints.map(({ attributes, value }) => [
        attributes["extruntime.extension.name"],
        attributes["error.type"],
        (value as { count: number }).count,
      ]),
    ).toEqual(
      expect.arrayContaining([
        ["outer", undefined, 1],
        ["outer", "ERR_EXT_GUEST", 1],
        ["inner", undefined, 1],
      ]),
    );
    expect(calls.dataPoints[0]!.attributes).not.toHaveProperty("extruntime.call.id");
    expect(found.get("extruntime.host_call.duration")!.dataPoints).toHaveLength(2);
    expect(found.get("extruntime.load.duration")!.dataPoints).toHaveLength(1);
    expect(found.get("extruntime.replacements")!.dataPoints).toMatchObject([
      { value: 1, attributes: { "extruntime.replacement.of": "extension" } },
    ]);
    expect(found.get("extruntime.extensions")!.dataPoints).toMatchObject([{ value: 2 }]);
    const states = found.get("extruntime.instances")!.dataPoints;
    expect(states.map(({ attributes }) => attributes["extruntime.instance.state"]).sort()).toEqual(["busy", "idle"]);
  });
});
