import type { Module } from "extruntime";
import type { pywasm } from "../../src/index.ts";

export interface ModuleResult {
  name: string;
  run: number;
  skipped: number;
  failed: number;
  reasons: Record<string, number>;
  unexplained: string[];
}

export const quick: string[];
export const runs: string[];
export const doNotRun: Record<string, string>;
export function loadTests(engine: typeof pywasm, folder: string): Promise<Module>;
export function runModule(tests: Module, name: string): Promise<ModuleResult>;
