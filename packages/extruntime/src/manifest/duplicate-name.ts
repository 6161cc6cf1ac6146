/**
 * The first name that one object of a JSON text has twice, or `undefined`. `JSON.parse` takes the last of them, other parsers the first: who reads a
 * manifest with another one would see another extension. The text must be JSON.
 */
export function duplicateName(text: string): string | undefined {
  /** Names seen so far in each object that is open; `undefined` for a list. */
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at++) {
    const unit = text[at];
    if (unit === "{") open.push(new Set());
    else if (unit === "[") open.push(undefined);
    else if (unit === "}" || unit === "]") open.pop();
    else if (unit === '"') {
      const start = at;
      for (at++; text[at] !== '"'; at++) if (text[at] === "\\") at++;
      if (!isName(text, at + 1)) continue;
      const name = JSON.parse(text.slice(start, at + 1)) as string;
      const seen = open.at(-1);
      if (seen?.has(name) === true) return name;
      seen?.add(name);
    }
  }
  return undefined;
}

/** Whether a colon follows. */
function isName(text: string, from: number): boolean {
  let at = from;
  while (text.charCodeAt(at) <= 0x20) at++;
  return text[at] === ":";
}
