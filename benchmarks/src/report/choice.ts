import { format } from "../format.ts";
import { type Language, type RunResult, rounds, type SubjectInfo, type Unit } from "../result.ts";
import { summarize } from "../statistics.ts";

/** What a user asks first: which engine for a language, and what it is beside the packages that would be taken instead. */
export interface Choice {
  readonly language: string;
  /** An engine or a peer, with a text for each of the columns. */
  readonly rows: readonly { readonly subject: SubjectInfo; readonly cells: readonly string[] }[];
}

const LANGUAGES: Readonly<Record<Language, string>> = {
  javascript: "JavaScript",
  wasm: "WebAssembly",
  python: "Python",
};

interface Column {
  readonly title: string;
  readonly unit: Unit;
  readonly trial: string;
  readonly size: string;
  /** The first that was measured counts. */
  readonly metrics: readonly string[];
}

const COLUMNS: readonly Column[] = [
  { title: "a call", unit: "ns", trial: "serial", size: "", metrics: ["sync", "async"] },
  { title: "÷ bare loop", unit: "×", trial: "serial", size: "", metrics: ["syncX:bare-js", "asyncX:bare-js"] },
  { title: "64 at once", unit: "per second", trial: "concurrent", size: "64", metrics: ["rate"] },
  { title: "process to first answer", unit: "ns", trial: "start", size: "", metrics: ["start"] },
];

export const CHOICE_TITLE = "Which engine, against which peer";
export const CHOICE_COLUMNS = [...COLUMNS.map(({ title }) => title), "keeps strangers in"];

export function choices(result: RunResult): Choice[] {
  return (Object.keys(LANGUAGES) as Language[])
    .map((language) => ({
      language: LANGUAGES[language],
      rows: result.subjects
        .filter(
          ({ kind, primary, ...subject }) =>
            subject.language === language && (kind === "peer" || (kind === "engine" && primary)),
        )
        .map((subject) => ({
          subject,
          cells: [...COLUMNS.map((column) => figure(result, subject, column)), sandbox(subject)],
        }))
        .filter(({ cells }) => cells[0] !== "–"),
    }))
    .filter(({ rows }) => rows.length > 0);
}

function figure(result: RunResult, { id }: SubjectInfo, { trial, size, metrics, unit }: Column): string {
  for (const metric of metrics) {
    const summary = summarize(rounds(result, trial, id, size, metric) ?? []);
    if (summary !== undefined) return format(summary.median, unit);
  }
  return "–";
}

/** Of peers it is not for us to say. */
function sandbox({ kind, capabilities }: SubjectInfo): string {
  if (kind === "peer") return "see its page";
  return capabilities?.hardSandbox ? "yes" : "no";
}
