/**
 * Takes one JSON value, and returns one.
 *
 * @param {{ name?: unknown }} person
 */
export function greet({ name }) {
  if (typeof name !== "string" || name === "") throw new TypeError("name must be a text");
  return { text: `Hello, ${name}!` };
}
