import { sectionTest } from "../../../fixtures/manifest-section/section-test.ts";
import { quickjsEngine } from "../src/engine.ts";

sectionTest(quickjsEngine());
