import { sectionTest } from "../../../fixtures/manifest-section/section-test.ts";
import { wasmEngine } from "../src/engine.ts";

sectionTest(wasmEngine());
