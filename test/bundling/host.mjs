// A host for bundlers: calls an extension at every placement, and prints what came back.
import { quickjs } from "@extruntime/quickjs";
import { ExtensionHost, native } from "extruntime";

async function main(folder) {
  for (const placement of ["inline", "thread", "process"]) {
    const host = new ExtensionHost({ runtimes: [native({ placement }), quickjs({ placement })] });
    const { failed } = await host.loadDir(folder);
    for (const { error } of failed) throw error;
    const { ok } = await host.call("validate-email", "validate", { email: "ada@example.com" });
    console.log(placement, ok, await host.call("score", "score", [1, 2, 3]));
    await host.close();
  }
}

main(process.argv[2] ?? "extensions").catch((error) => {
  console.log(error.code, error.message);
  process.exitCode = 1;
});
