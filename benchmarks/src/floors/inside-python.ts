import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fixture } from "extruntime-fixtures";
import { FLOORS } from "../paths.ts";
import { type EngineSource, makeRuntime } from "../subjects/engines.ts";
import { packagesFolder } from "../subjects/pythons.ts";
import type { SubjectSpec } from "../subjects/subject.ts";
import type { SelfTimed } from "./python-loop.ts";

/**
 * The loop of `python-loop.ts`, in the very CPython that the engine loaded, in an interpreter of the same kind.
 *
 * @param library that reads and writes JSON there: `json`, or one of `scripts/get-python.sh --numpy`. Rejects where that cannot be imported.
 */
export async function insidePython(spec: SubjectSpec, library = "json"): Promise<SelfTimed> {
  const source = spec.source as EngineSource;
  const validate = await readFile(join(fixture("validate-email/pyvm"), "validate.py"), "utf8");
  const loop = await readFile(join(FLOORS, "inside_loop.py"), "utf8");
  const runtime = await makeRuntime("pyvm", { ...source, placement: "inline" });
  const settings = source.manifest?.python as object | undefined;
  const module = await runtime.load({
    manifest: {
      name: "loop",
      runtime: "pyvm",
      module: "loop.py",
      exports: ["loop"],
      ...source.manifest,
      ...(library !== "json" && { python: { ...settings, path: [packagesFolder(process.env.PYVM_PYTHON)] } }),
    },
    files: { "loop.py": `${validate}\n\n${loop}` },
  });
  const time = (count: number, payload: string) =>
    Number(module.invokeSync("loop", JSON.stringify([count, payload, library])));
  const close = () => runtime.close();
  try {
    time(1, "{}");
  } catch (error) {
    await close();
    throw error;
  }
  return { time, close };
}
