import { readFileSync } from "node:fs";

/** One row of the table that every `validate` extension answers: JSON text, and the JSON value of the answer. */
export interface ValidateRow {
  readonly name: string;
  readonly payload: string;
  readonly expected: unknown;
}

/** The build puts it beside this file, from `fixtures/validate-email/table.json`. */
export const validateTable = JSON.parse(
  readFileSync(new URL("./validate-table.json", import.meta.url), "utf8"),
) as readonly ValidateRow[];
