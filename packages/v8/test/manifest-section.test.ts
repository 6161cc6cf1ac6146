import { sectionTest } from "../../../fixtures/manifest-section/section-test.ts";
import { v8Engine } from "../src/engine.ts";

sectionTest(v8Engine());
