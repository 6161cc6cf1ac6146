import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { type Meter, type MeterProvider, metrics, type TracerProvider, trace } from "@opentelemetry/api";
import type {
  CallMessage,
  CrashMessage,
  HostCallMessage,
  HostStats,
  LoadMessage,
  ReplacementMessage,
  StopMessage,
  WaitMessage,
} from "extruntime";
import { ATTRIBUTES, ofExtension } from "./attributes.ts";
import { traceChannel } from "./spans.ts";

/** What has the counts of now: a host. */
export interface StatsSource {
  stats(): HostStats;
}

export interface InstrumentOptions {
  /** By default the global one. */
  tracerProvider?: TracerProvider | undefined;
  /** By default the global one. */
  meterProvider?: MeterProvider | undefined;
  /** A host whose instances and waiting calls are observed. Without it there are no metrics of them. */
  host?: StatsSource | undefined;
}

export interface Instrumentation {
  /** Ends it. Spans of what is under way are not ended. */
  disable(): void;
}

const NAME = "@extruntime/opentelemetry";

/** Buckets in seconds, from a call that ends at once to one that is near its deadline. */
const SECONDS = [0.00001, 0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/**
 * Makes spans and metrics of every host in this process, from now on. To be called after the providers are set.
 *
 * Spans: a load, a call, its time in the queue, and each host function that its guest calls. A call that a host function makes is a child of the host call's span.
 */
export function instrument({ tracerProvider, meterProvider, host }: InstrumentOptions = {}): Instrumentation {
  const tracer = (tracerProvider ?? trace.getTracerProvider()).getTracer(NAME);
  const meter = (meterProvider ?? metrics.getMeterProvider()).getMeter(NAME);
  const ends = [...traceAll(tracer, meter), ...countAll(meter), ...(host === undefined ? [] : [observe(meter, host)])];
  return {
    disable() {
      for (const end of ends.splice(0)) end();
    },
  };
}

function traceAll(tracer: ReturnType<TracerProvider["getTracer"]>, meter: Meter): (() => void)[] {
  const seconds = (name: string, description: string) =>
    meter.createHistogram(name, { unit: "s", description, advice: { explicitBucketBoundaries: SECONDS } });
  const loads = seconds("extruntime.load.duration", "Loads of extensions");
  const calls = seconds("extruntime.call.duration", "Calls of extensions, their time in the queue included");
  const waits = seconds("extruntime.call.wait.duration", "Time that calls waited for an instance");
  const hostCalls = seconds("extruntime.host_call.duration", "Host functions that guests called");
  return [
    traceChannel<LoadMessage>(tracer, {
      channel: "extruntime:load",
      name: ({ extension }) => `load ${extension ?? "extension"}`,
      attributes: ({ extension, version, runtime, placement }) =>
        Object.fromEntries(
          Object.entries({
            [ATTRIBUTES.extension]: extension,
            [ATTRIBUTES.version]: version,
            [ATTRIBUTES.runtime]: runtime,
            [ATTRIBUTES.placement]: placement,
          }).filter(([, value]) => value !== undefined),
        ),
      active: true,
      atOnce: () => false,
      ended: (duration, attributes) => loads.record(duration, attributes),
    }),
    traceChannel<CallMessage>(tracer, {
      channel: "extruntime:call",
      name: (message) => `${message.extension} ${message.function}`,
      attributes: (message) => ({ ...ofExtension(message), [ATTRIBUTES.function]: message.function }),
      details: ({ callId }) => ({ [ATTRIBUTES.callId]: callId }),
      active: true,
      // Of `invokeSync`; a promise has settled at no `end`.
      atOnce: ({ result, error }) => result !== undefined || error !== undefined,
      ended: (duration, attributes) => calls.record(duration, attributes),
    }),
    traceChannel<WaitMessage>(tracer, {
      channel: "extruntime:wait",
      name: (message) => `wait ${message.extension}`,
      attributes: (message) => ({ ...ofExtension(message), [ATTRIBUTES.function]: message.function }),
      details: ({ callId }) => ({ [ATTRIBUTES.callId]: callId }),
      active: false,
      atOnce: () => false,
      ended: (duration, attributes) => waits.record(duration, attributes),
    }),
    traceChannel<HostCallMessage>(tracer, {
      channel: "extruntime:host-call",
      name: (message) => `host ${message.function}`,
      attributes: (message) => ({
        [ATTRIBUTES.extension]: message.extension,
        [ATTRIBUTES.version]: message.version,
        [ATTRIBUTES.hostFunction]: message.function,
      }),
      details: ({ callId }) => ({ [ATTRIBUTES.callId]: callId }),
      active: true,
      atOnce: ({ atOnce }) => atOnce === true,
      ended: (duration, attributes) => hostCalls.record(duration, attributes),
    }),
  ];
}

function countAll(meter: Meter): (() => void)[] {
  const stops = meter.createCounter("extruntime.call.stops", {
    unit: "{call}",
    description: "Calls that were stopped",
  });
  const crashes = meter.createCounter("extruntime.call.crashes", {
    unit: "{call}",
    description: "Calls that ended with their engine",
  });
  const replacements = meter.createCounter("extruntime.replacements", {
    unit: "{replacement}",
    description: "Instances that broke, and extensions that gave way to another version",
  });
  return [
    listen<StopMessage>("extruntime:stop", (message) =>
      stops.add(1, { ...ofExtension(message), [ATTRIBUTES.stopCause]: message.cause }),
    ),
    listen<CrashMessage>("extruntime:crash", (message) => crashes.add(1, ofExtension(message))),
    listen<ReplacementMessage>("extruntime:replacement", (message) =>
      replacements.add(1, { ...ofExtension(message), [ATTRIBUTES.replaced]: message.of }),
    ),
  ];
}

function listen<Message>(name: string, take: (message: Message) => void): () => void {
  const listener = (message: unknown) => take(message as Message);
  subscribe(name, listener);
  return () => void unsubscribe(name, listener);
}

function observe(meter: Meter, host: StatsSource): () => void {
  const extensions = meter.createObservableUpDownCounter("extruntime.extensions", { unit: "{extension}" });
  const instances = meter.createObservableUpDownCounter("extruntime.instances", { unit: "{instance}" });
  const queued = meter.createObservableUpDownCounter("extruntime.calls.queued", { unit: "{call}" });
  const observed = [extensions, instances, queued];
  const look: Parameters<Meter["addBatchObservableCallback"]>[0] = (result) => {
    const stats = host.stats();
    result.observe(extensions, stats.extensions);
    result.observe(instances, stats.busy, { [ATTRIBUTES.state]: "busy" });
    result.observe(instances, stats.instances - stats.busy, { [ATTRIBUTES.state]: "idle" });
    result.observe(queued, stats.queued);
  };
  meter.addBatchObservableCallback(look, observed);
  return () => meter.removeBatchObservableCallback(look, observed);
}
