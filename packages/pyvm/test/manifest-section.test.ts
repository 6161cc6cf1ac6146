import { sectionTest } from "../../../fixtures/manifest-section/section-test.ts";
import { pyvmEngine } from "../src/engine.ts";
import { cpython } from "./guest.ts";

sectionTest(pyvmEngine({ python: cpython.library }));
