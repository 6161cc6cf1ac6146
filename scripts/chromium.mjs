import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { aptInstall } from "./apt.mjs";
import { onPath } from "./guests/find-toolchains.mjs";

/**
 * Says which Chromium the test of the benchmark's page can use, and installs Debian's or Ubuntu's where there is none and that needs no
 * question: with apt-get, as root or with a sudo that asks for no password. Without one the test is skipped.
 *
 *     node scripts/chromium.mjs [--required]
 */

const { values } = parseArgs({ options: { required: { type: "boolean", default: false } } });

let found = findChromium();
if (found === undefined && aptInstall("chromium", ["chromium"])) found = findChromium();
if (found !== undefined) console.log(`chromium: ${found}`);
else
  console.log(
    "chromium: not there\n  remedy: install the package chromium, or name a Chromium or Chrome in CHROMIUM_PATH",
  );
process.exitCode = found === undefined && values.required ? 1 : 0;

function findChromium() {
  // biome-ignore lint/suspicious/noUndeclaredEnvVars: says where a browser is; turbo runs and caches none of this.
  const named = process.env.CHROMIUM_PATH;
  const places = [
    ...(named ? [named] : []),
    ...["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"].flatMap(onPath),
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
  ];
  return places.find((path) => existsSync(path));
}
