/** Levels of nesting, and values. */
const MOST_DEPTH = 64;
const MOST_VALUES = 50_000;

/**
 * What validates a manifest, or a schema, follows it to its depth, and so does whoever looks at it later: what is wrong where it is deeper or larger than
 * either can mean to be, a circle included.
 */
export function shapeProblem(raw: unknown): string | undefined {
  const open: { value: unknown; depth: number }[] = [{ value: raw, depth: 0 }];
  let values = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next.value !== "object" || next.value === null) continue;
    if (next.depth >= MOST_DEPTH) return `is nested more than ${MOST_DEPTH} levels deep`;
    const depth = next.depth + 1;
    const members = Object.values(next.value);
    values += members.length;
    if (values > MOST_VALUES) return `has more than ${MOST_VALUES} values`;
    for (const value of members) open.push({ value, depth });
  }
  return undefined;
}

export function deepFreeze<T extends object>(value: T): T {
  for (const member of Object.values(value)) if (typeof member === "object" && member !== null) deepFreeze(member);
  return Object.freeze(value);
}
