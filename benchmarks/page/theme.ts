import { h } from "./dom.ts";

/** As the reader's system has it, until they choose. */
export function themeButton(): HTMLElement {
  const button = h("button", { type: "button", class: "theme", title: "Light or dark" }, "◐");
  button.addEventListener("click", () => {
    const { dataset } = document.documentElement;
    const dark =
      dataset.theme === "dark" || (dataset.theme === undefined && matchMedia("(prefers-color-scheme: dark)").matches);
    dataset.theme = dark ? "light" : "dark";
  });
  return button;
}
