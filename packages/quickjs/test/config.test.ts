import { configTests } from "../../../fixtures/javascript/config.ts";
import { quickjs } from "../src/index.ts";

const runtime = quickjs();
configTests(() => runtime, "quickjs");
