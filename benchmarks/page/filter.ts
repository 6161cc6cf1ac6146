import type { SubjectInfo } from "../src/result.ts";
import { result } from "./data.ts";
import { h } from "./dom.ts";
import { familyOf, KIND_TITLES } from "./looks.ts";

type Listener = () => void;

const hidden = new Set<string>();
const listeners: Listener[] = [];

export function isShown(subject: SubjectInfo): boolean {
  return !hidden.has(familyOf(subject)) && !hidden.has(`placed ${subject.placement}`);
}

export function onFilter(listener: Listener): void {
  listeners.push(listener);
}

/** One switch a family and a placement; they work on every plot of the page. */
export function filterBar(): HTMLElement {
  const families = [...new Set(result.subjects.map(familyOf))];
  const placements = [...new Set(result.subjects.map(({ placement }) => placement))];
  return h(
    "nav",
    { class: "filter", "aria-label": "What the plots show" },
    ...families.map((family) => toggle(family, titleOf(family), family)),
    ...(placements.length > 1
      ? placements.map((placement) => toggle(`placed ${placement}`, placement, "", placement))
      : []),
  );
}

function titleOf(family: string): string {
  return family === "floor" || family === "peer" ? KIND_TITLES[family] : family;
}

function toggle(key: string, title: string, family: string, placement = ""): HTMLElement {
  const mark = h("i", { class: `mark ${placement}`, ...(family && { style: `background: var(--${family})` }) });
  const button = h("button", { type: "button", "aria-pressed": "true" }, mark, title);
  button.addEventListener("click", () => {
    if (!hidden.delete(key)) hidden.add(key);
    button.setAttribute("aria-pressed", String(!hidden.has(key)));
    for (const listener of listeners) listener();
  });
  return button;
}
