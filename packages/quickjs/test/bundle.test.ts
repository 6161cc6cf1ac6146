import { bundleTests } from "../../../fixtures/javascript/bundle.ts";
import { quickjs } from "../src/index.ts";

const runtime = quickjs();
bundleTests(() => runtime, "quickjs");
