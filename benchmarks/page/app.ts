import { formatBytes } from "../src/format.ts";
import { choice } from "./choice.ts";
import { result } from "./data.ts";
import { h } from "./dom.ts";
import { filterBar } from "./filter.ts";
import { installed } from "./installed.ts";
import { promises } from "./promises.ts";
import { themeButton } from "./theme.ts";
import { trialSection } from "./trial.ts";

const { machine, versions, missing, failures } = result;

// What a user asks comes first, and what we promise ourselves last.
const sections = [choice(), ...result.trials.map(trialSection), installed(), absent(), promises()].filter(
  (section) => section !== undefined,
);

document
  .getElementById("page")!
  .append(
    h(
      "header",
      {},
      h("div", { class: "title" }, h("h1", {}, "extruntime benchmarks"), themeButton()),
      h(
        "p",
        { class: "machine" },
        `${machine.cpu}, ${machine.cores} processors, ${formatBytes(machine.memoryBytes)}, ${machine.os}. `,
        `Node ${versions.node}. ${new Date(result.date).toISOString().slice(0, 10)}, commit ${result.commit}. `,
        `Medians of ${result.rounds} ${result.rounds === 1 ? "round" : "rounds"} in random order, each trial in a process of its own. Only ratios travel to another machine.`,
      ),
      result.quick ? h("p", { class: "note" }, "This was a quick run: fewer trials, and more noise.") : undefined,
      h("nav", { class: "contents", "aria-label": "Contents" }, ...sections.map(link)),
    ),
    filterBar(),
    ...sections,
  );

function link(section: HTMLElement): HTMLElement {
  return h("a", { href: `#${section.id}` }, section.querySelector("h2")!.textContent!);
}

/** What this run could not measure, and why. */
function absent(): HTMLElement | undefined {
  const rows = [
    ...missing.map(({ title, reason }) => h("li", {}, h("b", {}, title), ` ${reason}`)),
    ...failures.map(({ trial, subject, size, reason }) =>
      h("li", {}, h("b", {}, `${subject} in ${trial} ${size}`), ` ${reason}`),
    ),
  ];
  if (rows.length === 0) return undefined;
  return h("section", { id: "missing" }, h("h2", {}, "Not measured"), h("ul", { class: "missing" }, ...rows));
}
