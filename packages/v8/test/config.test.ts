import { configTests } from "../../../fixtures/javascript/config.ts";
import { v8 } from "../src/index.ts";

const runtime = v8();
configTests(() => runtime, "v8");
