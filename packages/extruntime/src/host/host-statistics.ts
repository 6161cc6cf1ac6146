import { countsOf } from "../call/call-statistics.ts";
import { Times } from "../call/call-times.ts";
import type { Module } from "../contract/runtime.ts";
import type { HostStats, ModuleStats } from "../contract/statistics.ts";

type Count = Exclude<keyof ModuleStats, "durations" | "waits">;
type Counts = Record<Count, number>;

/** The statistics of a host: those of its modules, and of those that it had. */
export class HostStatistics {
  readonly #past = noCounts();
  readonly #durations = new Times();
  readonly #waits = new Times();

  /** A module that has closed leaves the host. */
  gone(module: Module): void {
    addCounts(this.#past, module.stats());
    this.#addTimes(module, this.#durations, this.#waits);
  }

  sum(modules: Iterable<Module>): HostStats {
    const counts = noCounts();
    const durations = new Times();
    const waits = new Times();
    let extensions = 0;
    addCounts(counts, this.#past);
    durations.add(this.#durations);
    waits.add(this.#waits);
    for (const module of modules) {
      if (!module.closed) extensions++;
      addCounts(counts, module.stats());
      this.#addTimes(module, durations, waits);
    }
    return { extensions, ...counts, durations: durations.summary(), waits: waits.summary() };
  }

  /** Of a runtime that somebody wrote around this one nothing but counts is known. */
  #addTimes(module: Module, durations: Times, waits: Times): void {
    const counts = countsOf.get(module);
    if (counts === undefined) return;
    durations.add(counts.durations);
    waits.add(counts.waits);
  }
}

function noCounts(): Counts {
  return {
    calls: 0,
    failures: 0,
    timeouts: 0,
    crashes: 0,
    refused: 0,
    running: 0,
    queued: 0,
    instances: 0,
    busy: 0,
    instancesCreated: 0,
    instancesReplaced: 0,
    payloadBytes: 0,
    resultBytes: 0,
  };
}

function addCounts(sum: Counts, counts: Readonly<Counts>): void {
  for (const count of Object.keys(sum) as Count[]) sum[count] += counts[count];
}
