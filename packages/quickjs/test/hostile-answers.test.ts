import {
  hostileAnswersAt,
  hostileAnswersTest,
  javascriptGuests,
} from "../../../fixtures/hostile-answers/hostile-answers.ts";

const engine = { url: new URL("../dist/index.js", import.meta.url), factory: "quickjs" };

// In a process for all engines: what crosses to the host is the same.
for (const placement of [...hostileAnswersAt(["inline", "thread"] as const), "process"] as const)
  hostileAnswersTest(
    placement,
    { ...engine, options: { placement }, runsHere: placement === "inline" },
    javascriptGuests("quickjs"),
  );
