import { spend } from "./check-work.ts";

/** Whether no two items are equal, in time that grows with them alone: to compare each with each takes minutes for a long list. */
export function areUnique(items: readonly unknown[]): boolean {
  const seen = new Set<unknown>();
  for (const item of items) {
    spend(1);
    const key = typeof item === "object" && item !== null ? textOf(item) : typeof item === "string" ? `"${item}` : item;
    if (seen.has(key)) return false;
    seen.add(key);
  }
  return true;
}

/** A text that equal values have, whatever the order of their members. */
function textOf(value: unknown): string {
  spend(1);
  if (Array.isArray(value)) return `[${value.map(textOf).join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, each]) => `${JSON.stringify(name)}:${textOf(each)}`).join()}}`;
}
