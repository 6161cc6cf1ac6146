import { aptInstall } from "./apt.mjs";
import { output } from "./guests/find-toolchains.mjs";

/**
 * Says whether bubblewrap works here, which the tests of sandboxed processes want, and installs Debian's or Ubuntu's where there is none and
 * that needs no question. Where it cannot run those tests are skipped: a system may forbid what it does.
 *
 *     node scripts/bubblewrap.mjs
 */

const works = () => output("bwrap", ["--ro-bind", "/", "/", "--unshare-all", "true"]) !== undefined;

if (works() || (aptInstall("bubblewrap", ["bubblewrap"]) && works())) console.log("bubblewrap: works");
else console.log("bubblewrap: not there, or forbidden\n  remedy: install the package bubblewrap");
