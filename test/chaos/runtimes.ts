import { execFileSync } from "node:child_process";
import { env } from "node:process";
import { fileURLToPath } from "node:url";
import type { Placement, Runtime } from "../../packages/extruntime/dist/index.js";

/** Every engine that is here, at every placement that it can be had at. What is built is what runs. */
export async function makeRuntimes(): Promise<Runtime[]> {
  const [{ native }, { quickjs }, { wasm }, { v8 }, { pyvm }] = await Promise.all([
    import("../../packages/extruntime/dist/index.js"),
    import("../../packages/quickjs/dist/index.js"),
    import("../../packages/wasm/dist/index.js"),
    import("../../packages/v8/dist/index.js"),
    import("../../packages/pyvm/dist/index.js"),
  ]);
  const workers = { threads: { max: 2 }, processes: { max: 2, env: { PATH: env.PATH ?? "" } } };
  const python = preparedPython();
  const makers: ((placement: Placement) => Runtime)[] = [
    (placement) => native({ placement, ...workers }),
    (placement) => quickjs({ placement, ...workers }),
    (placement) => wasm({ placement, ...workers }),
    (placement) => v8({ placement, ...workers }),
    (placement) => pyvm({ placement, ...workers, ...(python === undefined ? {} : { python }) }),
  ];
  const all = makers.flatMap((make) =>
    (["inline", "thread", "process"] as const).flatMap((placement) => {
      try {
        return [make(placement)];
      } catch {
        // The engine cannot run there, and says so.
        return [];
      }
    }),
  );
  return all.filter(({ unavailable }) => unavailable === undefined);
}

function preparedPython(): string | undefined {
  if (env.PYVM_PYTHON) return env.PYVM_PYTHON;
  const script = fileURLToPath(new URL("../../scripts/get-python.sh", import.meta.url));
  const [first] = execFileSync("bash", [script, "--if-present"], { encoding: "utf8" }).trim().split("\n");
  return first || undefined;
}
