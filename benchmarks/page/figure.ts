import { h } from "./dom.ts";
import { onFilter } from "./filter.ts";

/** Draws for a width in pixels; `undefined` where the filter leaves nothing to draw. */
export type Draw = (width: number) => Node | undefined;

/** A plot that is drawn again when its width, its choices or the page's filter change. */
export function figure(name: string, draw: Draw, ...controls: readonly HTMLElement[]): HTMLElement {
  const plot = h("div", { class: "plot", "data-figure": name });
  let width = 0;
  const redraw = () => {
    if (width > 0)
      plot.replaceChildren(
        draw(width) ?? h("p", { class: "nothing" }, "Nothing of this is shown: see the switches above."),
      );
  };
  new ResizeObserver(([entry]) => {
    const next = Math.floor(entry!.contentRect.width);
    if (next === width) return;
    width = next;
    redraw();
  }).observe(plot);
  onFilter(redraw);
  for (const control of controls) control.addEventListener("change", redraw);
  return h("figure", {}, controls.length > 0 ? h("div", { class: "controls" }, ...controls) : undefined, plot);
}

/** A choice among a few. `change` events come from the element. */
export function choice(label: string, options: readonly (readonly [value: string, title: string])[]) {
  const select = h(
    "select",
    { "aria-label": label },
    ...options.map(([value, title]) => h("option", { value }, title)),
  );
  return { element: select, value: () => select.value };
}
