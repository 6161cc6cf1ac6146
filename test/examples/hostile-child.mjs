// Runs one example with guests that never end, and prints what its calls ended with. Arguments: the example's file, the kind of guest, and `v8` where it wants that engine.
import { pathToFileURL } from "node:url";
import { callWhatIsThere, closeAll, outcomes } from "./hostile-shim.mjs";

await import(pathToFileURL(process.argv[2])).catch((error) => {
  if (error.code !== "ERR_EXT_TIMEOUT") outcomes.push(`the example: ${error.code ?? error}`);
});
if (outcomes.length === 0) await callWhatIsThere();
await closeAll();
console.log(`OUTCOMES ${JSON.stringify(outcomes)}`);
