import {
  hostileAnswersAt,
  hostileAnswersTest,
  javascriptGuests,
} from "../../../fixtures/hostile-answers/hostile-answers.ts";

const engine = { url: new URL("../dist/index.js", import.meta.url), factory: "v8" };

for (const placement of hostileAnswersAt(["inline", "process"] as const))
  hostileAnswersTest(placement, { ...engine, options: { placement } }, javascriptGuests("v8"));
