import { existsSync, readdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { aptInstall } from "./apt.mjs";

/**
 * Says whether guests in Rust can be built with serde by Debian's compiler, which is older than what is published, and installs its cargo and
 * crates where they are missing and that needs no question.
 *
 *     node scripts/rust-crates.mjs [--required]
 */

const PACKAGES = ["cargo", "librust-serde-json-dev", "librust-serde-derive-dev"];
const CRATES = "/usr/share/cargo/registry";

const { values } = parseArgs({ options: { required: { type: "boolean", default: false } } });

const there = isThere() || (aptInstall("rust-crates", PACKAGES) && isThere());
console.log(there ? `rust-crates: ${CRATES}` : `rust-crates: not there\n  remedy: install ${PACKAGES.join(", ")}`);
process.exitCode = there || !values.required ? 0 : 1;

function isThere() {
  if (!existsSync("/usr/bin/cargo") || !existsSync(CRATES)) return false;
  const names = readdirSync(CRATES);
  return ["serde-", "serde_json-", "serde_derive-"].every((crate) => names.some((name) => name.startsWith(crate)));
}
