/** Whatever was thrown, as text. A guest's own objects may throw when they are looked at. */
export function shown(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return "(it cannot be shown)";
  }
}
