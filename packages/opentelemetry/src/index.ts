/** Spans and metrics of a host's extensions, from the events that the core tells through `node:diagnostics_channel`. */

export { type Instrumentation, type InstrumentOptions, instrument, type StatsSource } from "./instrument.ts";
