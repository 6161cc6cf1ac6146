// What the first page of the README does, at every placement, from packages that came from a registry.
import { discoverRuntimes, ExtensionHost } from "extruntime";

for (const placement of ["inline", "thread", "process"]) {
  const { runtimes, unavailable } = await discoverRuntimes({ runtime: { placement } });
  const names = runtimes.map((runtime) => runtime.name).join(", ");
  for (const wanted of ["native", "quickjs", "wasm"])
    if (!names.includes(wanted))
      throw new Error(`${wanted} was not found among ${names}: ${JSON.stringify(unavailable)}`);
  // The addon is there, whether or not this machine has a CPython for it.
  const pyvm = unavailable.find(({ name }) => name === "pyvm");
  if (process.env.WITH_ADDON && pyvm?.reason.includes("addon")) throw new Error(pyvm.reason);
  const host = new ExtensionHost({ runtimes });
  const { failed } = await host.loadDir("extensions");
  for (const { error } of failed) throw error;
  const valid = await host.call("validate-email", "validate", { email: "ada@example.com" });
  const sum = await host.call("score", "score", [1, 2, 3]);
  if (valid.ok !== true || sum !== 6) throw new Error(`${placement}: ${JSON.stringify({ valid, sum })}`);
  await host.close();
  console.log(`${placement}: ${names}`);
}
console.log("all answered");
