import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { renderPage } from "../src/report/page.ts";
import { cell, engine, makeResult, NATIVE, PEER } from "./result.ts";

/** The same places as in scripts/chromium.mjs, which installs one. */
const places = [
  process.env.CHROMIUM_PATH ?? "",
  ...["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"].flatMap((name) =>
    (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, name)),
  ),
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];
const executablePath = places.find((path) => path !== "" && existsSync(path));
const without = executablePath === undefined ? ", skipped: no Chromium was found (node scripts/chromium.mjs)" : "";

/** Texts of plots that reach beyond their plot; for the page, which is no module of these tests. */
const CUT_LABELS = `[...document.querySelectorAll("[data-figure] svg")].flatMap((plot) => {
  const { left, right, top, bottom } = plot.getBoundingClientRect();
  return [...plot.querySelectorAll("text")]
    .filter((text) => {
      const box = text.getBoundingClientRect();
      return box.left < left - 1 || box.right > right + 1 || box.top < top - 1 || box.bottom > bottom + 1;
    })
    .map((text) => text.textContent);
})`;

const three = (value: number) => [value * 0.9, value, value * 1.1];
const subjects = [NATIVE, { ...engine("quickjs"), title: "quickjs </script><b>" }, { ...PEER }, engine("wasm")];
const MANY = Array.from({ length: 11 }, (_, index) => engine(`engine-${index}-of-a-name-that-is-long`));
const result = makeResult(
  [
    ...subjects.map(({ id }, index) =>
      cell("serial", id, "", { sync: three(1000 + index), "syncX:bare-js": three(1 + index * 9) }),
    ),
    ...subjects.flatMap(({ id }, index) =>
      ["1", "64", "10000"].map((size) =>
        cell("concurrent", id, size, { rate: three(1e5 * (index + 1)), p99: three(1e4) }),
      ),
    ),
    ...["integers", "sort"].map((work) =>
      cell("compute", "native", work, { call: three(1e6), "callX:bare-js": three(1) }),
    ),
    // More subjects than one plot has lines for, and a size whose name is long.
    ...MANY.flatMap(({ id }) => ["38", "10000000"].map((size) => cell("payload", id, size, { call: three(1e6) }))),
    // A guest that was stopped before its deadline: no logarithmic axis has a place for that.
    cell("abort", "pyvm", "", { late: [-2e5, -1e5, 1e5] }),
  ],
  {
    subjects: [...subjects, engine("pyvm"), ...MANY],
    installed: [{ name: "extruntime", version: "0.0.0", kind: "engine", ownBytes: 1e5, totalBytes: 3e5, packages: 3 }],
    missing: [{ id: "v8", title: "v8", reason: "<img src=x onerror=alert(1)>" }],
  },
);

describe.skipIf(executablePath === undefined)(`the page in Chromium${without}`, () => {
  let browser: Browser;
  let folder: string;
  const complaints: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "extruntime-page-"));
    await writeFile(join(folder, "benchmark.html"), await renderPage(result));
    const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"];
    browser = await chromium.launch({ executablePath: executablePath!, args });
  });

  afterAll(async () => {
    await browser.close();
    await rm(folder, { recursive: true });
  });

  async function open(width: number, colorScheme: "light" | "dark"): Promise<Page> {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("request", (request) => {
      if (!request.url().startsWith("file:")) complaints.push(`it asked for ${request.url()}`);
    });
    await page.goto(pathToFileURL(join(folder, "benchmark.html")).href);
    await page.waitForSelector("[data-figure=installed] svg");
    return page;
  }

  test.each([
    [1280, "light"],
    [1280, "dark"],
    [390, "light"],
  ] as const)(
    "at %d pixels, %s: every plot has marks, nothing complains, nothing sticks out",
    async (width, scheme) => {
      const page = await open(width, scheme);
      const marks = await page.$$eval("[data-figure]", (plots) =>
        plots.map((plot) => [
          plot.getAttribute("data-figure"),
          plot.querySelectorAll('[aria-label="dot"] > *, [aria-label="bar"] > *').length,
        ]),
      );
      expect(Object.fromEntries(marks)).toEqual({
        promises: 3,
        serial: 4,
        concurrent: 12,
        payload: 16,
        compute: 1,
        abort: 1,
        installed: 2,
      });
      const nowhere =
        '[data-figure] :is([x="NaN"], [y="NaN"], [width="NaN"], [height="NaN"], [d*="NaN"], [transform*="NaN"])';
      expect(await page.$$eval(nowhere, (found) => found.map((each) => each.outerHTML))).toEqual([]);
      expect(await page.evaluate<string[]>(CUT_LABELS)).toEqual([]);
      expect(complaints).toEqual([]);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
      await page.close();
    },
  );

  test("the choice of an engine comes first, and our promises last", async () => {
    const page = await open(1280, "light");
    const sections = await page.$$eval("section", (found) => found.map(({ id }) => id));
    expect([sections[0], sections.at(-1)]).toEqual(["choice", "promises"]);
    expect(await page.textContent("#choice")).toContain("1.00 µs");
    await page.close();
  });

  test("a plot has eight lines at the most, those of engines first, and says how many more there are", async () => {
    const page = await open(1280, "light");
    const section = page.locator("#payload");
    expect(await section.locator('[aria-label="line"] > path').count()).toBe(8);
    expect(await section.textContent()).toContain("3 more are in the table below");
    await page.close();
  });

  test("the themes differ, and the button changes them", async () => {
    const page = await open(1200, "light");
    const paper = () => page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
    const light = await paper();
    await page.click(".theme");
    expect(await paper()).not.toBe(light);
    await page.close();
  });

  test("switches and choices draw the plots again", async () => {
    const page = await open(1200, "light");
    const dots = () => page.$$eval('[data-figure=serial] [aria-label="dot"] > *', (found) => found.length);
    await page.click("nav.filter button:has-text('Peers')");
    expect(await dots()).toBe(3);
    await page.selectOption("#serial select", "sync");
    expect(await page.textContent("[data-figure=serial] svg")).toContain("1.00 µs");
    await page.close();
  });

  test("a pointer is told the figures", async () => {
    const page = await open(1200, "light");
    await page.hover('[data-figure=serial] [aria-label="dot"] > :first-child');
    await page.waitForSelector('[data-figure=serial] [aria-label="tip"] text');
    expect(await page.textContent('[data-figure=serial] [aria-label="tip"]')).toContain("3 rounds");
    await page.close();
  });

  test("what is in the result stays text", async () => {
    const page = await open(1200, "light");
    expect(await page.textContent("#missing")).toContain("<img src=x onerror=alert(1)>");
    expect(await page.$$("#missing img")).toEqual([]);
    expect(await page.textContent("[data-figure=serial] svg")).toContain("quickjs </script><b>");
    await page.close();
  });
});
