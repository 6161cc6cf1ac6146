import type { HostFunctions, Module } from "extruntime";
import type { QuickJSOptions } from "../src/index.ts";
import { load as loadGuest } from "./guest.ts";

interface Options {
  limits?: { timeoutMs?: number; memoryMb?: number; maxInstances?: number };
  runtime?: QuickJSOptions;
  module?: string;
}

/** Loads a guest that is granted all functions that are offered. */
export function load(source: string, hostFunctions: HostFunctions, options: Options = {}): Promise<Module> {
  const manifest = { permissions: Object.keys(hostFunctions) };
  return loadGuest(source, { hostFunctions, manifest, ...options });
}

export async function answer(source: string, hostFunctions: HostFunctions, options?: Options): Promise<unknown> {
  await using module = await load(source, hostFunctions, options);
  return await module.call("f");
}

/** A host function whose answers the test gives. */
export function onRequest() {
  const asked: { value: unknown; answer(value: unknown): void }[] = [];
  let onAsked = () => {};
  const fn = (value: unknown) =>
    new Promise((resolve) => {
      asked.push({ value, answer: resolve });
      onAsked();
    });
  const until = async (count: number) => {
    while (asked.length < count) await new Promise<void>((resolve) => (onAsked = resolve));
  };
  return { asked, fn, until };
}

export const never = () => new Promise(() => {});

/** A host function that holds the thread for longer than the deadlines of the tests that use it. */
export function spend(): void {
  const end = performance.now() + 40;
  while (performance.now() < end);
}
