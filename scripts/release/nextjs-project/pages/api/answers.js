// What the extensions answer at every placement, from within Next.js.
import { quickjs } from "@extruntime/quickjs";
import { ExtensionHost, native } from "extruntime";

export default async function handler(_request, response) {
  const answers = {};
  for (const placement of ["inline", "thread", "process"]) {
    const host = new ExtensionHost({ runtimes: [native({ placement }), quickjs({ placement })] });
    const { failed } = await host.loadDir("extensions");
    for (const { error } of failed) throw error;
    const { ok } = await host.call("validate-email", "validate", { email: "ada@example.com" });
    answers[placement] = [ok, await host.call("score", "score", [1, 2, 3])];
    await host.close();
  }
  response.json(answers);
}
