import { bundleTests } from "../../../fixtures/javascript/bundle.ts";
import { v8 } from "../src/index.ts";

const runtime = v8();
bundleTests(() => runtime, "v8");
