import { hostileAnswersTest, javascriptGuests } from "../../../fixtures/hostile-answers/hostile-answers.ts";

const engine = { url: new URL("../dist/index.js", import.meta.url), factory: "quickjs" };

for (const placement of ["inline", "thread", "process"] as const)
  hostileAnswersTest(
    placement,
    { ...engine, options: { placement }, runsHere: placement === "inline" },
    javascriptGuests("quickjs"),
  );
