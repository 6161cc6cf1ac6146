import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { jsonTests } from "../../../fixtures/python/json-tests.ts";
import { load } from "./guest.ts";

const getPython = fileURLToPath(new URL("../../../scripts/get-python.sh", import.meta.url));
// One of the same version, so that refusals have the same words.
const [executable] = execFileSync(getPython, ["--version", "3.13"], { encoding: "utf8" }).split("\n");

jsonTests(executable!, load);
