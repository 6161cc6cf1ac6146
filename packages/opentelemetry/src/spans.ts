import { AsyncLocalStorage } from "node:async_hooks";
import { type Channel, tracingChannel } from "node:diagnostics_channel";
import {
  type Attributes,
  type Context,
  context,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { withError } from "./attributes.ts";

/** One kind of span, and the metric that is recorded with it. */
export interface Traced<Message extends object> {
  /** Of a tracing channel of the core. */
  readonly channel: string;
  name(message: Message): string;
  attributes(message: Message): Attributes;
  /** What the span has beside these, too various for a metric. */
  details?(message: Message): Attributes;
  /** The span is active in what is traced, so that what goes on in there has it for a parent. */
  readonly active: boolean;
  /** Whether no `asyncEnd` follows; asked at `end`. */
  atOnce(message: Message): boolean;
  ended(seconds: number, attributes: Attributes): void;
}

interface Open {
  readonly span: Span;
  /** On the clock of `performance.now()`. */
  readonly start: number;
  readonly context: Context;
}

/** The active context of OpenTelemetry as a store: what is run with a store of it is run in that context. */
class ActiveContext extends AsyncLocalStorage<Context> {
  override run(store: Context, callback: (...args: never[]) => unknown, ...args: unknown[]): never {
    return context.with(store, callback as (...args: unknown[]) => unknown, undefined, ...args) as never;
  }
}

/** Makes a span of each message. Returns what ends that. */
export function traceChannel<Message extends object>(tracer: Tracer, traced: Traced<Message>): () => void {
  const open = new WeakMap<Message, Open>();

  const begin = (message: Message): Context => {
    const parent = context.active();
    const attributes = { ...traced.attributes(message), ...traced.details?.(message) };
    const span = tracer.startSpan(traced.name(message), { kind: SpanKind.INTERNAL, attributes }, parent);
    const own = trace.setSpan(parent, span);
    open.set(message, { span, start: performance.now(), context: own });
    return own;
  };

  const finish = (message: Message): void => {
    const begun = open.get(message);
    if (begun === undefined) return;
    open.delete(message);
    const { error } = message as { error?: unknown };
    const attributes = withError(traced.attributes(message), error);
    const { span } = begun;
    // Known only now, in part: a load's extension.
    span.updateName(traced.name(message));
    span.setAttributes({ ...attributes, ...traced.details?.(message) });
    if (error !== undefined) {
      const text = error instanceof Error ? error.message : String(error);
      span.setStatus({ code: SpanStatusCode.ERROR, message: text });
    }
    span.end();
    // The span is active, so that exemplars can name it.
    context.with(begun.context, () => traced.ended((performance.now() - begun.start) / 1000, attributes));
  };

  const channel = tracingChannel<unknown, Message>(traced.channel);
  const handlers = {
    start: (message: Message) => {
      if (!traced.active) begin(message);
    },
    end: (message: Message) => {
      if (traced.atOnce(message)) finish(message);
    },
    asyncStart() {},
    asyncEnd: finish,
    error() {},
  };
  const store = new ActiveContext();
  const start = channel.start as unknown as Channel<Context, Message>;
  if (traced.active) start.bindStore(store, begin);
  channel.subscribe(handlers);
  return () => {
    channel.unsubscribe(handlers);
    if (traced.active) start.unbindStore(store);
  };
}
