/** A table of Markdown; the first column stands left, and the others right where they are `figures`. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  others: "figures" | "text" = "figures",
): string {
  const rule = head.map((_, column) => (column === 0 || others === "text" ? "---" : "---:"));
  return [head, rule, ...rows].map((row) => `| ${row.map(inCell).join(" | ")} |`).join("\n");
}

/** As one paragraph, whatever lines and tables a message has. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

function inCell(cell: string): string {
  return oneLine(cell).replaceAll("|", "\\|");
}
