import { CHOICE_COLUMNS, CHOICE_TITLE, choices } from "../src/report/choice.ts";
import { result } from "./data.ts";
import { h } from "./dom.ts";

/** The first section: what to take for a language, and what one would take instead. */
export function choice(): HTMLElement | undefined {
  const found = choices(result);
  if (found.length === 0) return undefined;
  return h(
    "section",
    { id: "choice" },
    h("h2", {}, CHOICE_TITLE),
    h(
      "p",
      {},
      "The shared fixture, called with 38 bytes. Engines in bold; the others are packages that one would take instead.",
    ),
    ...found.map(({ language, rows }) =>
      h(
        "div",
        { class: "scroll" },
        h(
          "table",
          {},
          h("thead", {}, h("tr", {}, ...[language, ...CHOICE_COLUMNS].map((title) => h("th", {}, title)))),
          h(
            "tbody",
            {},
            ...rows.map(({ subject, cells }) =>
              h(
                "tr",
                {},
                h("th", {}, subject.kind === "engine" ? h("b", {}, subject.title) : subject.title),
                ...cells.map((cell) => h("td", {}, cell)),
              ),
            ),
          ),
        ),
      ),
    ),
  );
}
