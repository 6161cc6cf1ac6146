import { expect, test } from "vitest";
import { errorTests } from "../../../fixtures/javascript/errors.ts";
import { answer, guests } from "./guest.ts";

errorTests(guests);

test("the stack has the extension's file and lines, and nothing of the engine's", async () => {
  const source = "function inner() {\n  return null.x;\n}\nfunction f() {\n  return inner();\n}\n";
  await expect(answer(source, "1", { module: "lib/guest.js" })).rejects.toMatchObject({
    guest: {
      name: "TypeError",
      stack: expect.stringMatching(/^ {4}at inner \(lib\/guest\.js:2:\d+\)\n {4}at f \(lib\/guest\.js:5:\d+\)$/),
    },
  });
});
